# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Extracts skin textures from portraits: fit, projection, removal of shading, and inpainting.

A skin is kept as a *base* colour and a *detail* picture, the albedo over the base. So a person's
freckles can go on any tone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.london import Portrait, to_wflw98
from atpn_ros.learning.synth.assets import surface
from atpn_ros.learning.synth.assets.fitting import Fit, fit
from atpn_ros.learning.synth.assets.head_model import Anchors, HeadModel, Ints, Part
from atpn_ros.types import Floats, Image

SIDE = 512
DETAIL_MAX = 2.5
"""The detail that a stored 255 stands for; a stored byte b is DETAIL_MAX * (b / 255) ** 2."""

_ALIGNED = np.r_[0:33, 51:96]
"""Points at which a photograph is pulled exactly onto the head; brows stay as they grew."""


@dataclass(frozen=True, slots=True)
class Skins:
    """N skins on one head.

    Attributes:
        detail: (N, SIDE, SIDE, 3) uint8, RGB, row 0 at texture coordinate v = 0.
        base: (N, 3) float64 linear RGB albedo.
        brows: (N, 18) anchors of the points 33..50 on this skin.
        identity: (N, I) the shape of whose skin it is.
        names: N names, for messages.
    """

    detail: Image
    base: Floats
    brows: Anchors
    identity: Floats
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TexelMap:
    """For each texel the triangle it lies on: corners (S, S, 3) and weights; -1 where none."""

    corner: Floats
    weight: Floats


def texel_map(head: HeadModel, side: int = SIDE) -> TexelMap:
    """Rasterise the face's triangles in texture space."""
    skin = head.triangles[head.parts == Part.SKIN]
    face = skin[(head.uv[skin][..., 0] < 1.0).all(axis=1)]
    which = np.full((side, side), -1, np.int32)
    at = head.uv[face] * side - 0.5
    for i, triangle in enumerate(at):
        cv2.fillConvexPoly(which, np.round(triangle * 256).astype(np.int32), i, 8, 8)
    corner = np.where(which[..., None] >= 0, face[which], -1)
    rows, columns = np.mgrid[0:side, 0:side]
    a, b, c = (at[which][..., k, :] for k in range(3))
    s = np.stack([columns, rows], axis=-1) - a
    e1, e2 = b - a, c - a
    det = e1[..., 0] * e2[..., 1] - e1[..., 1] * e2[..., 0]
    det = np.where(np.abs(det) < 1e-12, 1e-12, det)
    u = (s[..., 0] * e2[..., 1] - s[..., 1] * e2[..., 0]) / det
    v = (e1[..., 0] * s[..., 1] - e1[..., 1] * s[..., 0]) / det
    weight = np.clip(np.stack([1 - u - v, u, v], axis=-1), 0, 1)
    weight /= np.maximum(weight.sum(axis=-1, keepdims=True), 1e-9)
    return TexelMap(corner, weight)


def make(head: HeadModel, portraits: list[Portrait]) -> Skins:
    """Turn portraits into skins."""
    texels = texel_map(head)
    done = [_one(head, texels, p) for p in portraits]
    return Skins(
        np.stack([d[0] for d in done]),
        np.stack([d[1] for d in done]),
        surface.stack([d[2] for d in done]),
        np.stack([d[3] for d in done]),
        tuple(p.name for p in portraits),
    )


def _one(
    head: HeadModel, texels: TexelMap, portrait: Portrait
) -> tuple[Image, Floats, Anchors, Floats]:
    target = to_wflw98(portrait.points)
    fitted = fit(head, target)
    vertices = head.vertices(fitted.identity, fitted.expression)
    flat = fitted.project(vertices)
    marks = fitted.project(head.points.at(vertices))
    pulled = flat + _pull(marks[_ALIGNED], target[_ALIGNED] - marks[_ALIGNED], flat)
    normal = head.normals(vertices) @ fitted.rotation.T
    photo = _sample(texels, pulled[head.corner], portrait.image)
    lit = (photo / 255.0) ** 2.2
    n = _spread(texels, normal[head.corner])
    mask = _spread(texels, head.masks[head.corner])
    albedo, base, confidence = _delight(lit, n, mask, texels.corner[..., 0] >= 0)
    confidence *= 1 - _eyes(texels, pulled[head.corner], portrait.image.shape, target)
    detail = _filled(albedo / base, confidence)
    # At the border of the photographed tile plain skin begins.
    side = len(detail)
    v, u = (np.mgrid[0:side, 0:side] + 0.5) / side
    edge = np.minimum(
        _ramp(np.minimum(u, 1 - u), 0.01, 0.14), _ramp(np.minimum(v, 1 - v), 0.01, 0.14)
    )
    detail = 1.0 + (detail - 1.0) * edge[..., None]
    coded = np.sqrt(np.clip(detail / DETAIL_MAX, 0, 1)) * 255
    brows = _brows(head, fitted, vertices, pulled, target)
    return np.round(coded).astype(np.uint8), base, brows, fitted.identity


def _pull(at: Floats, offset: Floats, where: Floats) -> Floats:
    """(V, 2) a thin-plate spline through offsets, which fades out away from the face."""

    def kernel(d2: Floats) -> Floats:
        return d2 * np.log(np.maximum(d2, 1e-9))

    size = float(np.ptp(at, axis=0).max())
    a, w = at / size, where / size
    k = kernel(((a[:, None] - a) ** 2).sum(axis=-1)) + 1e-4 * np.eye(len(a))
    p = np.c_[np.ones(len(a)), a]
    system = np.block([[k, p], [p.T, np.zeros((3, 3))]])
    weights = np.linalg.solve(system, np.r_[offset, np.zeros((3, 2))])
    low, high = a.min(axis=0), a.max(axis=0)
    inside = np.clip(w, low, high)
    out = kernel(((inside[:, None] - a) ** 2).sum(axis=-1)) @ weights[:-3]
    out += np.c_[np.ones(len(w)), inside] @ weights[-3:]
    fade = np.exp(-((w - inside) ** 2).sum(axis=1) / 0.02)
    return np.asarray(out * fade[:, None])


def _spread(texels: TexelMap, values: Floats) -> Floats:
    """(S, S, D) of (C, D) values at the corners."""
    return np.asarray(np.einsum("hwk,hwkd->hwd", texels.weight, values[texels.corner]))


def _sample(texels: TexelMap, pixels: Floats, image: Image) -> Floats:
    """(S, S, 3) float RGB of the photograph at each texel."""
    at = _spread(texels, pixels).astype(np.float32)
    rgb = cv2.GaussianBlur(image[..., ::-1], (0, 0), 0.8)
    return np.asarray(cv2.remap(rgb, at[..., 0], at[..., 1], cv2.INTER_LINEAR), np.float64)


def _eyes(texels: TexelMap, pixels: Floats, shape: tuple[int, ...], target: Floats) -> Floats:
    """(S, S) 1 where a texel would show the photographed eyeball: no lid wears an iris."""
    picture = np.zeros(shape[:2], np.float32)
    for first in (60, 68):
        cv2.fillPoly(picture, [np.round(target[first : first + 8]).astype(np.int32)], 1.0)
    size = float(np.linalg.norm(target[60] - target[72]))
    grown = cv2.dilate(picture, np.ones((3, 3), np.uint8), iterations=max(1, int(size / 110)))
    at = _spread(texels, pixels).astype(np.float32)
    return np.asarray(cv2.remap(grown, at[..., 0], at[..., 1], cv2.INTER_LINEAR))


def _delight(
    lit: Floats, n: Floats, mask: Floats, there: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Divide a smooth shading out; returns albedo, base colour and a weight per texel."""
    n = n / np.maximum(np.linalg.norm(n, axis=-1, keepdims=True), 1e-9)
    facing = np.clip(-n[..., 2], 0, 1)
    y = np.stack([np.ones_like(facing), n[..., 0], n[..., 1], n[..., 2], n[..., 0] * n[..., 1],
                  n[..., 1] * n[..., 2], n[..., 0] * n[..., 2], 3 * n[..., 2] ** 2 - 1,
                  n[..., 0] ** 2 - n[..., 1] ** 2], axis=-1)  # fmt: skip
    luma = np.log(np.maximum(lit @ (0.3, 0.6, 0.1), 1e-4))
    plain = there & (facing > 0.35) & (mask.max(axis=-1) < 0.1)
    core = plain & (facing > 0.6)
    weight = np.where(plain, facing, 0.0)
    centre = float(np.median(luma[core]))
    weight *= np.abs(luma - centre) < 0.8
    ridge = np.diag([1e-3, 1, 1, 1, 3, 3, 3, 3, 3]) * weight.sum() * 2e-3
    c = np.zeros(9)
    for _ in range(6):
        a = y[weight > 0]
        b, w = luma[weight > 0], weight[weight > 0]
        left = b - a @ c if c.any() else b - centre
        w = w / (1 + (left / 0.12) ** 2)
        c = np.linalg.solve((a * w[:, None]).T @ a + ridge, (a * w[:, None]).T @ b)
    shade = np.exp(np.clip(y @ c - (np.array([1, 0, 0, -1, 0, 0, 0, 2, 0]) @ c), -0.45, 0.3))
    albedo = lit / shade[..., None]
    base = np.median(albedo[core & (weight > 0)], axis=0)
    ratio = np.log(np.maximum(albedo, 1e-4) / base)
    light = ratio.mean(axis=-1)
    chroma = np.linalg.norm(ratio - light[..., None], axis=-1)
    likely = np.exp(-((light / 0.5) ** 2) - (chroma / 0.35) ** 2)
    likely = cv2.GaussianBlur(likely, (0, 0), 4)
    # Between brows and jaw everything belongs to the face: lids, lips, beard, shine. Beyond, only
    # what looks like skin does: no hair, no white wall, no shirt; the neck is left plain.
    side = len(there)
    v, u = (np.mgrid[0:side, 0:side] + 0.5) / side
    # Beards reach the jaw's sides; at the temples hair does not belong to the skin.
    narrow = np.interp(v, (0.3, 0.45, 0.6), (0.11, 0.13, 0.2))
    across = np.clip((0.5 - np.abs(u - 0.5) - narrow) / 0.12, 0, 1)
    inner = across * _ramp(v, 0.22, 0.3) * _ramp(0.84 - v, 0.0, 0.05)
    outer = _ramp(0.5 - np.abs(u - 0.5), 0.08, 0.14) * _ramp(v, 0.18, 0.28) * likely
    outer *= 1 - np.clip(mask[..., 0] * 3, 0, 1)
    confidence = np.maximum(inner, outer) * _ramp(facing, 0.3, 0.6) * there
    confidence = np.minimum(confidence, cv2.GaussianBlur(confidence, (0, 0), 9) * 1.25)
    return albedo, base, confidence


def _ramp(x: Floats, low: float, high: float) -> Floats:
    return np.asarray(np.clip((x - low) / (high - low), 0, 1))


def _filled(detail: Floats, confidence: Floats) -> Floats:
    """Keep texels of high weight and fill the others by push-pull, ending in plain base colour."""
    confidence = np.clip(confidence * 1.6 - 0.3, 0, 1)
    levels = [(detail * confidence[..., None], confidence)]
    while levels[-1][1].shape[0] > 4:
        colour, weight = levels[-1]
        size = (weight.shape[1] // 2, weight.shape[0] // 2)
        weight = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA))
        colour = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA))
        levels.append((colour, weight))
    colour, weight = levels[-1]
    guess = (colour + 0.3) / (weight[..., None] + 0.3)
    for colour, weight in levels[-2::-1]:
        guess = cv2.resize(guess, weight.shape[::-1], interpolation=cv2.INTER_LINEAR)
        own = colour / np.maximum(weight[..., None], 1e-6)
        blend = np.clip(weight * 1.5, 0, 1)[..., None]
        guess = own * blend + guess * (1 - blend)
    return np.asarray(guess)


def _brows(
    head: HeadModel, fitted: Fit, vertices: Floats, pulled: Floats, target: Floats
) -> Anchors:
    """Anchors of the hand-placed brow points of this photograph."""
    skin = head.triangles[head.parts == Part.SKIN]
    face = head.corner[skin[(head.uv[skin][..., 0] < 1.0).all(axis=1)]]
    low, high = target[33:51].min(axis=0) - 40, target[33:51].max(axis=0) + 40
    near = ((pulled[face] > low) & (pulled[face] < high)).all(axis=(1, 2))
    front = head.normals(vertices) @ fitted.rotation[2] < 0
    face = face[near & front[face].all(axis=1)]
    one = np.arange(len(pulled))
    return surface.stack([surface.at_uv(p, pulled, face, one) for p in target[33:51]])


def mirrored_brows(head: HeadModel, brows: Anchors) -> Anchors:
    """The anchors of the points 33..50 on skins that are mirrored left to right."""
    at = _texture_places(head, brows)
    at[..., 0] = 1.0 - at[..., 0]
    order = np.asarray(landmark_layouts.MIRROR98)[33:51] - 33
    return _anchored(head, at[:, order])


def brows_on(head: HeadModel, other: HeadModel, brows: Anchors) -> Anchors:
    """The anchors of the points 33..50 of another head's skins, on a head with its texture."""
    return _anchored(head, _texture_places(other, brows))


def _texture_places(head: HeadModel, brows: Anchors) -> Floats:
    """(N, 18, 2) texture coordinates of anchors on the photographed part of a skin."""
    face = _photographed(head)
    # A place between corners: any corner of the vertex with u < 1 has its texture coordinate.
    uv_of = np.zeros((len(head.neutral), 2))
    uv_of[head.corner[face].ravel()] = head.uv[face].reshape(-1, 2)
    return np.asarray(np.einsum("npk,npkd->npd", brows.weight, uv_of[brows.vertex]))


def _anchored(head: HeadModel, at: Floats) -> Anchors:
    """(N, 18) anchors at (N, 18, 2) texture coordinates."""
    face = _photographed(head)
    low, high = at.min(axis=(0, 1)) - 0.03, at.max(axis=(0, 1)) + 0.03
    near = face[((head.uv[face] > low) & (head.uv[face] < high)).all(axis=(1, 2))]
    rows = [
        surface.stack([surface.at_uv(p, head.uv, near, head.corner) for p in row]) for row in at
    ]
    return surface.stack(rows)


def _photographed(head: HeadModel) -> Ints:
    """(T, 3) corners of the skin's triangles that photographs cover."""
    skin = head.triangles[head.parts == Part.SKIN]
    return np.asarray(skin[(head.uv[skin][..., 0] < 1.0).all(axis=1)])
