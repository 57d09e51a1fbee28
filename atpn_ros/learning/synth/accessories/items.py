# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Procedural meshes of glasses, face masks, caps, hands, and objects in front of the face."""

from __future__ import annotations

import numpy as np

from atpn_ros.geometry import about_x, about_y, about_z
from atpn_ros.learning.synth.assets.head_model import Part
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.mesh import Ints, grid, tube
from atpn_ros.learning.synth.scene.body import AccessoryMesh, Body
from atpn_ros.learning.synth.scene.description import Accessory
from atpn_ros.types import Floats


def glasses(assets: Assets, body: Body, wear: Accessory) -> list[AccessoryMesh]:
    """Two lenses in a frame.

    Values: width, height, squareness, thickness, drop, the lens's opacity and its red, green, blue.
    """
    width, height, square, thick, drop, tint, *lens = wear.values
    p = body.points
    out = []
    eyes = [p[[60, 64]].mean(axis=0), p[[68, 72]].mean(axis=0)]
    front = max(float(e[0]) for e in p[[60, 64, 68, 72]]) + 0.012
    front = max(front, float(p[52, 0]) - 0.004)
    turn = np.linspace(0, 2 * np.pi, 29)
    power = 1.0 / (1.0 + square)
    c, s = np.cos(turn), np.sin(turn)
    ring_y = width * np.sign(c) * np.abs(c) ** power
    ring_z = height * np.sign(s) * np.abs(s) ** power
    inner = []
    for side, eye in zip((-1.0, 1.0), eyes, strict=True):
        y, z = eye[1] + ring_y, eye[2] - drop + ring_z
        # Frames wrap around the face and lean in at the bottom.
        x = front - 6.0 * (np.abs(y) - 0.03).clip(0) ** 2 * 1.4 + 0.12 * (z - eye[2])
        loop = np.stack([x, y, z], axis=1)
        out.append(_tube(loop, thick, wear.colour))
        fan = np.concatenate([loop.mean(axis=0, keepdims=True), loop[:-1]])
        n = len(loop) - 1
        faces = np.stack([np.zeros(n, int), 1 + np.arange(n), 1 + (np.arange(n) + 1) % n], axis=1)
        out.append(
            AccessoryMesh.smooth(
                fan, faces, (lens[0], lens[1], lens[2]), alpha=float(tint), gloss=1.6
            )
        )
        outer = loop[np.argmax(side * loop[:, 1])]
        inner.append(loop[np.argmin(side * loop[:, 1])] + (0.0, 0.0, 0.3 * height))
        ear = np.array([-0.095, side * (abs(float(p[0 if side < 0 else 32, 1])) + 0.005),
                        eye[2] + 0.004])  # fmt: skip
        hinge = outer + np.array([-0.002, side * 0.004, 0.2 * height])
        bend = (hinge + ear) / 2 + np.array([0.0, side * 0.003, 0.0])
        hook = ear + np.array([-0.02, -side * 0.002, -0.025])
        start = outer + np.array([0.0, 0.0, 0.2 * height])
        temple = np.stack([start, hinge, bend, ear, hook])
        out.append(_tube(temple, thick * 0.8, wear.colour))
    middle = (inner[0] + inner[1]) / 2 + (0.003, 0.0, 0.003)
    out.append(_tube(np.stack([inner[0], middle, inner[1]]), thick, wear.colour))
    return out


def _tube(path: Floats, radius: float, colour: tuple[float, float, float]) -> AccessoryMesh:
    v, t = tube(path, radius, 5)
    return AccessoryMesh.smooth(v, t, colour, gloss=0.8)


def mask(assets: Assets, body: Body, wear: Accessory) -> list[AccessoryMesh]:
    """A cloth mask over mouth and nose; values: top (on the nose's length), lift, pattern."""
    top, lift, pattern = wear.values
    p = body.points
    head = assets.head
    skin = np.unique(head.corner[head.triangles[head.parts == Part.SKIN]])
    v = body.vertices[skin].astype(np.float64)
    upper, lower = float(p[51, 2] + (p[54, 2] - p[51, 2]) * top), float(p[16, 2] - 0.012)
    # Around an axis through the head: how far the face reaches, at angles and heights.
    rows, columns, axis = 16, 25, float(p[[4, 28], 0].mean()) - 0.02
    share = np.linspace(0, 1, rows)[:, None]
    turn = np.linspace(-1, 1, columns) * np.radians(78)
    sag = 0.03 * (np.abs(turn) / turn.max()) ** 2 * (1 - share)
    z = upper - sag + (lower - upper) * share + 0.02 * (np.abs(turn) / turn.max()) ** 2 * share
    near_z = np.abs(v[:, 2] - z[..., None]) < 0.007
    at = np.arctan2(v[:, 1], v[:, 0] - axis)
    near_turn = np.abs(at - turn[:, None]) < 0.09
    radius = np.hypot(v[:, 1], v[:, 0] - axis) * (v[:, 0] > axis - 0.02)
    reach = np.where(near_z & near_turn[None], radius, 0.0).max(axis=2)
    reach = np.where(reach < 0.03, np.median(reach[reach > 0.03]), reach)
    for _ in range(6):  # cloth spans hollows
        wide = np.pad(reach, 1, mode="edge")
        mean = (wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4
        reach = np.maximum(reach, mean)
    reach = reach + lift
    sheet = np.stack([axis + reach * np.cos(turn), reach * np.sin(turn), z], axis=-1)
    sheet = sheet.reshape(-1, 3)
    uv = sheet[:, [1, 2]] * 12
    faces = grid(rows, columns)
    out = [AccessoryMesh.smooth(sheet, faces, wear.colour, uv, gloss=0.02, pattern=int(pattern))]
    for side in (-1.0, 1.0):
        ear = np.array([-0.088, side * (abs(float(p[0, 1])) + 0.006), p[0, 2] - 0.005])
        for height in (0.012, -0.018):
            start = sheet.reshape(rows, columns, 3)[4 if height > 0 else 11, 0 if side < 0 else -1]
            v_, t_ = tube(
                np.stack([start, (start + ear) / 2 + (0, side * 0.004, 0), ear]), 0.0012, 4
            )
            out.append(AccessoryMesh.smooth(v_, t_, (0.7, 0.7, 0.7)))
    return out


def cap(assets: Assets, body: Body, wear: Accessory) -> list[AccessoryMesh]:
    """A cap, a beanie or a hat; values: low edge, room, brim length, brim all around (0, 1)."""
    low, room, brim, around = wear.values
    head = assets.head
    skin = np.unique(head.corner[head.triangles[head.parts == Part.SKIN]])
    v = body.vertices[skin]
    v = v[(v[:, 2] > low - 0.03) & (np.abs(v[:, 1]) < 0.1)]
    centre = np.array([-0.085, 0.0, low])
    rows, columns = 14, 36
    turn = np.arange(columns) / columns * 2 * np.pi
    rise = np.linspace(0, np.pi / 2, rows)
    d = np.stack([np.cos(rise)[:, None] * np.cos(turn), np.cos(rise)[:, None] * np.sin(turn),
                  np.broadcast_to(np.sin(rise)[:, None], (rows, columns))], axis=-1)  # fmt: skip
    away = v - centre
    length = np.linalg.norm(away, axis=1)
    cosine = d.reshape(-1, 3) @ (away / length[:, None]).T
    reach = np.where(cosine > 0.985, length, 0).max(axis=1)
    reach = np.where(reach > 0, reach, np.median(length)).reshape(rows, columns)
    reach[-1] = reach[-1].mean()
    for _ in range(2):
        wide = (np.roll(reach, 1, 1) + np.roll(reach, -1, 1) + 2 * reach) / 4
        reach = np.maximum(wide, reach)
    grown = reach + room * (0.35 + 0.65 * np.sin(rise)[:, None])
    dome = centre + d * grown[..., None]
    tilt = 0.22 * (dome[..., 0] - centre[0])
    dome[..., 2] += tilt
    uv = np.stack(np.broadcast_arrays(turn * 2, rise[:, None] * 3), axis=-1).reshape(-1, 2)
    out = [
        AccessoryMesh.smooth(
            dome.reshape(-1, 3), grid(rows, columns, True), wear.colour, uv, gloss=0.03, pattern=2
        )
    ]
    if brim > 0.005:
        edge = dome[0]
        share = np.ones(columns) if around > 0.5 else np.clip(np.cos(turn) * 1.6 - 0.5, 0, 1) ** 0.5
        outwards = edge - centre
        outwards[:, 2] = 0
        outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
        tip = edge + outwards * (brim * share)[:, None] - (0.0, 0.0, 0.12 * brim)
        ring = np.concatenate([edge, tip])
        out.append(
            AccessoryMesh.smooth(ring, grid(2, columns, True), wear.colour, gloss=0.03, pattern=2)
        )
    return out


def hand(assets: Assets, body: Body, wear: Accessory) -> list[AccessoryMesh]:
    """A hand before the face.

    Values: where y, z, gap to the face, roll, yaw, pitch, curl, spread, mirrored. The fingers point
    up in the hand's own axes.
    """
    y0, z0, gap, roll, yaw, pitch, curl, spread, mirrored = wear.values
    flip = -1.0 if mirrored > 0.5 else 1.0
    parts: list[tuple[Floats, Ints]] = []
    for i, (root, length, radius) in enumerate((
        (-0.030, 0.068, 0.0080), (-0.010, 0.078, 0.0086), (0.010, 0.074, 0.0084),
        (0.029, 0.058, 0.0072),
    )):  # fmt: skip
        lean = (i - 1.5) * 0.16 * spread
        parts.append(tube(*_finger(np.array([0.0, root, 0.045]), lean, length, radius, curl), 8))
    parts.append(
        tube(*_finger(np.array([0.004, -0.026, -0.02]), -0.8, 0.066, 0.0098, curl * 0.5), 8)
    )
    t = np.linspace(0, 1, 8)
    palm = np.stack([0.004 * np.sin(t * np.pi), np.zeros(8), -0.05 + 0.105 * t], axis=1)
    v, faces = tube(palm, 0.02 + 0.02 * np.sin(np.pi * (0.18 + 0.64 * t)), 12)
    parts.append((v * (0.42, 1.15, 1.0), faces))
    arm = np.stack([np.linspace(0, -0.02, 6), np.zeros(6), np.linspace(-0.045, -0.30, 6)], axis=1)
    parts.append(tube(arm, np.linspace(0.026, 0.038, 6), 12))
    turn = about_z(yaw) @ about_y(pitch) @ about_x(roll)
    near = _front(body, y0, z0) + gap
    colour = wear.colour
    out = []
    for v, faces in parts:
        placed = (v * (1.0, flip, 1.0)) @ turn.T + (near, y0, z0)
        uv = placed[:, [1, 2]] * 8
        out.append(AccessoryMesh.smooth(placed, faces, colour, uv, gloss=0.25, pattern=2))
    return out


def _finger(
    root: Floats, lean: float, length: float, radius: float, curl: float
) -> tuple[Floats, Floats]:
    """Path and radii of a finger that bends towards -x (the face)."""
    t = np.linspace(0, 1, 9)
    bend = curl * 1.5 * t
    step = np.stack(
        [-np.sin(bend), np.sin(lean) * np.cos(bend), np.cos(lean) * np.cos(bend)], axis=1
    )
    path = root + np.cumsum(step, axis=0) * length / 9
    round_ = np.sqrt(np.clip(1 - ((t - 0.82) / 0.18).clip(0) ** 2, 0.02, 1))
    return path, radius * (1.05 - 0.2 * t) * round_


def _front(body: Body, y: float, z: float) -> float:
    """How far forward the face reaches near a place (head frame)."""
    v = body.vertices[:-4]
    near = (np.abs(v[:, 1] - y) < 0.04) & (np.abs(v[:, 2] - z) < 0.06)
    return float(v[near, 0].max()) if near.any() else 0.0


def occluder(assets: Assets, body: Body, wear: Accessory) -> list[AccessoryMesh]:
    """A phone, a cup's side or a sheet before the face.

    Values: y, z, gap, roll, width, height, roundness (0 flat, 1 a cylinder).
    """
    y0, z0, gap, roll, width, height, bent = wear.values
    rows, columns = 6, 14
    a = np.linspace(-1, 1, columns)
    y = width / 2 * (np.sin(a * np.pi / 2 * bent) / np.sin(np.pi / 2 * bent) if bent > 0.05 else a)
    x = width / 2 * (np.cos(a * np.pi / 2 * bent) - 1)
    z = np.linspace(-height / 2, height / 2, rows)
    v = np.stack([np.tile(x, rows), np.tile(y, rows), np.repeat(z, columns)], axis=1)
    placed = v @ about_x(roll).T + (_front(body, y0, z0) + gap, y0, z0)
    uv = np.stack([np.tile(a, rows), np.repeat(z * 10, columns)], axis=1)
    return [
        AccessoryMesh.smooth(placed, grid(rows, columns), wear.colour, uv, gloss=0.4, pattern=2)
    ]
