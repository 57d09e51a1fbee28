# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Creates the accessory meshes of a person: hair, beard, clothes, glasses, masks, caps, hands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from atpn_ros.geometry import FACING, head_rotation
from atpn_ros.learning.synth.accessories import items
from atpn_ros.learning.synth.assets import hair
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.mesh import grid
from atpn_ros.learning.synth.scene.body import AccessoryMesh, Body
from atpn_ros.learning.synth.scene.description import Accessory

Maker = Callable[[Assets, Body, Accessory], list[AccessoryMesh]]


def make(
    assets: Assets, body: Body, accessories: tuple[Accessory, ...]
) -> tuple[AccessoryMesh, ...]:
    """The meshes of all accessories of a person."""
    out: list[AccessoryMesh] = []
    for wear in accessories:
        out += _MAKERS[wear.kind](assets, body, wear)
    return tuple(out)


def _style(assets: Assets, body: Body, wear: Accessory) -> list[AccessoryMesh]:
    """A hair mesh; values: number, stretch along x, y, z."""
    style = assets.styles[int(wear.values[0])]
    vertices = style.on(body.vertices, assets.head.neutral)
    centre = np.array([-0.085, 0.0, 0.03])
    vertices = centre + (vertices - centre) * np.asarray(wear.values[1:4])
    number = int(wear.values[0]) if style.texture is not None else -1
    return [
        AccessoryMesh(
            vertices.astype(np.float32), hair.normals(vertices, style.triangles), style.uv,
            style.triangles, wear.colour, gloss=0.35, texture=number,
            pattern=0 if number >= 0 else 1,
        )
    ]  # fmt: skip


def _fur(assets: Assets, body: Body, wear: Accessory) -> list[AccessoryMesh]:
    """Short hair or a beard as shells; values: mask column, thickness, density, shells."""
    head = assets.head
    column, thickness, density = int(wear.values[0]), wear.values[1], wear.values[2]
    mask = head.masks[:, column]
    faces = assets.coarse[(mask[assets.coarse] > 0.05).any(axis=1)]
    used, flat = np.unique(faces, return_inverse=True)
    faces = flat.reshape(-1, 3).astype(np.int32)
    out = []
    count = int(wear.values[3])
    for i in range(1, count + 1):
        share = i / count
        lift = thickness * share * np.clip(mask[used], 0, 1)[:, None]
        v = body.vertices[used] + body.normals[used] * lift
        v[:, 2] -= 0.25 * thickness * share**2  # it hangs a little
        uv = np.stack([mask[used] * density, np.full(len(used), share)], axis=1)
        out.append(
            AccessoryMesh(v.astype(np.float32), body.normals[used], uv.astype(np.float32), faces,
                  wear.colour, gloss=0.12, pattern=3)
        )  # fmt: skip
    return out


def _shoulders(assets: Assets, body: Body, wear: Accessory) -> list[AccessoryMesh]:
    """A clothed upper body; values: roll, pitch, yaw of the head against it, width, collar."""
    roll, pitch, yaw, width, collar = wear.values
    turn = (FACING.T @ head_rotation(roll, pitch, yaw)).T  # body to head axes
    pivot = np.array([-0.085, 0.0, -0.13])
    # Rings from the neck down: height below the pivot, half width, half depth, forward shift.
    rings = np.array([
        (0.005 + 0.02 * collar, 0.064, 0.072, -0.004), (-0.020, 0.080, 0.084, -0.006),
        (-0.042, 0.122, 0.096, -0.010), (-0.060, 0.160, 0.104, -0.014),
        (-0.085, 0.195, 0.108, -0.016), (-0.125, 0.214, 0.116, -0.012),
        (-0.20, 0.222, 0.128, -0.002), (-0.45, 0.200, 0.132, 0.0),
        (-1.3, 0.215, 0.14, 0.0),
    ])  # fmt: skip
    around = np.arange(28) / 28 * 2 * np.pi
    v = []
    for height, half, depth, forward in rings:
        c, s = np.cos(around), np.sin(around)
        round_ = np.sign(s) * np.abs(s) ** 0.8
        lower = 0.012 * np.maximum(c, 0) * (1 - collar) * (height > -0.05)
        v.append(np.stack([depth * c + forward, half * width * round_, height - lower * 2], axis=1))
    points = np.concatenate(v) @ turn.T + pivot
    uv = np.stack([np.tile(around, len(rings)), np.repeat(rings[:, 0] * 8, 28)], axis=1)
    faces = grid(len(rings), 28, closed=True)
    return [AccessoryMesh.smooth(points, faces, wear.colour, uv, gloss=0.03, pattern=2)]


_MAKERS: dict[str, Maker] = {
    "style": _style,
    "fur": _fur,
    "shoulders": _shoulders,
    "glasses": items.glasses,
    "mask": items.mask,
    "cap": items.cap,
    "hand": items.hand,
    "occluder": items.occluder,
}
