# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Procedural assets for tests and figures: a simple head, skins, irises and panoramas.

Everything is labelled as on the ICT-FaceKit head. Do not train on it.
"""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.learning.synth.assets import ict_points, library, panoramas, skins, surface
from atpn_ros.learning.synth.assets.head_model import Anchors, HeadModel, Ints, Part
from atpn_ros.learning.synth.assets.mesh import grid
from atpn_ros.learning.synth.assets.noise import fractal
from atpn_ros.types import Floats, Image

_CENTRE = np.array([-0.085, 0.0, -0.02])
_ROWS, _COLUMNS = 64, 72
_EYE_Y, _EYE_Z, _EYE_RADIUS = 0.0315, -0.006, 0.0125
_NAMES = ("jawOpen", "eyeBlink_L", "eyeBlink_R", "mouthSmile_L", "mouthSmile_R", "browInnerUp_L",
          "browInnerUp_R")  # fmt: skip

_HALF = {
    33: (0.054, 0.012), 34: (0.045, 0.022), 35: (0.034, 0.024), 36: (0.023, 0.021),
    37: (0.013, 0.016), 38: (0.013, 0.011), 39: (0.023, 0.015), 40: (0.034, 0.018),
    41: (0.045, 0.017),
    51: (0.0, 0.0), 52: (0.0, -0.013), 53: (0.0, -0.026), 54: (0.0, -0.039),
    55: (0.015, -0.048), 56: (0.008, -0.051), 57: (0.0, -0.052),
    60: (0.046, -0.007), 61: (0.037, 0.0), 62: (0.032, 0.001), 63: (0.027, 0.0),
    64: (0.018, -0.008), 65: (0.027, -0.012), 66: (0.032, -0.013), 67: (0.037, -0.012),
    76: (0.025, -0.074), 77: (0.015, -0.068), 78: (0.005, -0.0665), 79: (0.0, -0.0675),
    85: (0.0, -0.084), 86: (0.009, -0.083), 87: (0.018, -0.0795),
    88: (0.021, -0.074), 89: (0.009, -0.0735), 90: (0.0, -0.0735), 94: (0.0, -0.0765),
    95: (0.009, -0.0765),
}  # fmt: skip
"""(y, z) of the points on the person's right, mirrored: y is towards that side."""


def load() -> library.Assets:
    """All assets that a scene needs, created procedurally."""
    from atpn_ros.learning.synth.assets import prt

    head = make_head()
    made = _skins(head)
    return library.assemble(head, prt.bake(head), made, _irises(), _panoramas())


def make_head() -> HeadModel:
    """A head of about 4600 vertices with a few shapes."""
    sheet, uv = _sheet()
    triangles = grid(_ROWS, _COLUMNS, closed=True)[:, ::-1].copy()  # seen from outside
    # The seam at the back needs corners of its own: there u goes from 1 back to 0.
    corner: Ints = np.arange(len(sheet), dtype=np.int32)
    wraps = np.ptp(uv[triangles][..., 0], axis=1) > 0.5
    triangles, corner, uv = _split_seam(triangles, corner, uv, wraps)
    eyes = np.array([
        (-0.0145, -_EYE_Y, _EYE_Z), (-0.0145, _EYE_Y, _EYE_Z),
        (_EYE_RADIUS, 0, 0), (_EYE_RADIUS, 0, 0),
    ])  # fmt: skip
    surface_v = np.concatenate([sheet, eyes])
    points = _points(surface_v, corner[triangles])
    shift = points.at(surface_v)[51]
    surface_v[:-2] -= shift
    neutral = surface_v.astype(np.float32)
    strips = ict_points.strips(neutral, corner[triangles], _jaw())
    vertex, weight = points.vertex.copy(), points.weight.copy()
    vertex[:33], weight[:33] = strips.vertex[:, 0], strips.weight[:, 0]
    for i, eye in ((96, len(neutral) - 4), (97, len(neutral) - 3)):
        vertex[i], weight[i] = eye, (1.0, 0.0, 0.0)
    placed = Anchors(vertex, weight)
    parts = np.full(len(triangles), int(Part.SKIN), np.int32)
    return HeadModel(
        neutral, _identity(neutral), _expressions(neutral), _NAMES, corner, uv, triangles, parts,
        ict_points.masks(neutral, placed), placed, strips,
    )  # fmt: skip


def _sheet() -> tuple[Floats, Floats]:
    """(N, 3) vertices over the sellion's frame and their (N, 2) texture coordinates."""
    t = np.linspace(0.0, 1.0, _ROWS)
    s = (np.arange(_COLUMNS) + 0.5) / _COLUMNS * 2 - 1
    turn = np.pi * (0.62 * s + 0.38 * s**3)  # finer ahead
    up = np.cos(np.pi * np.minimum(t / 0.86, 1.0) * 0.86)[:, None]
    out_ = np.sin(np.pi * np.minimum(t / 0.86, 1.0) * 0.86)[:, None]
    neck = np.clip((t - 0.86) / 0.14, 0, 1)[:, None]
    ahead, side = np.cos(turn)[None], np.sin(turn)[None]
    jaw = 1.0 - 0.22 * np.clip(-up, 0, 1)
    x = _CENTRE[0] + out_ * ahead * np.where(ahead > 0, 0.09 * (1 + 0.07 * (up < 0)), 0.1)
    y = out_ * side * 0.076 * jaw
    z = _CENTRE[2] + up * np.where(up > 0, 0.12, 0.1)
    ring = (-0.075 + 0.055 * ahead, 0.055 * side, -0.13 - 0.05 * neck)
    x, y, z = (a * (1 - neck) + b * neck for a, b in zip((x, y, z), ring, strict=True))
    front = np.clip(ahead, 0, 1) ** 0.5
    x = x + front * _relief(y, z)
    v = np.stack(np.broadcast_arrays(x, y, z), axis=-1).reshape(-1, 3)
    u = 0.5 + 0.46 * s
    uv = np.stack(np.broadcast_arrays(u[None], 0.98 - 0.96 * t[:, None]), axis=-1)
    return v, uv.reshape(-1, 2).astype(np.float32)


def _relief(y: Floats, z: Floats) -> Floats:
    """How far the face stands out of its ellipsoid, metres."""

    def bump(y0: float, z0: float, wide: float, high: float) -> Floats:
        return np.asarray(np.exp(-(((np.abs(y) - y0) / wide) ** 2) - ((z - z0) / high) ** 2))

    bridge = np.clip((0.004 - z) / 0.046, 0, 1) * np.clip((z + 0.056) / 0.01, 0, 1)
    return np.asarray(
        0.024 * np.exp(-((y / (0.007 + 0.008 * bridge)) ** 2)) * bridge
        + 0.006 * bump(0.012, -0.046, 0.006, 0.006) + 0.004 * bump(0.0, -0.075, 0.024, 0.01)
        + 0.007 * bump(0.0, -0.105, 0.022, 0.014) + 0.004 * bump(0.03, 0.016, 0.024, 0.01)
        - 0.0075 * bump(_EYE_Y, -0.006, 0.015, 0.0085) + 0.004 * bump(0.045, -0.035, 0.018, 0.016)
    )  # fmt: skip


def _split_seam(
    triangles: Ints, corner: Ints, uv: Floats, wraps: Floats
) -> tuple[Ints, Ints, Floats]:
    out, extra, coordinates = triangles.copy(), list(corner), list(uv)
    for i in np.flatnonzero(wraps):
        for k in range(3):
            c = triangles[i, k]
            if uv[c, 0] < 0.5:
                extra.append(corner[c])
                coordinates.append(uv[c] + np.array([0.97, 0.0], np.float32))
                out[i, k] = len(extra) - 1
    return out, np.asarray(extra, np.int32), np.minimum(np.asarray(coordinates, np.float32), 0.999)


def _points(v: Floats, triangles: Ints) -> Anchors:
    """The 98 points but for the contour, found by rays from inside."""
    found: dict[int, Anchors] = {}
    for i, (y, z) in _HALF.items():
        for j, side in ((i, -1.0), (landmark_layouts.MIRROR98[i], 1.0)):
            origin = np.array([-0.09, side * y, z])
            hit = surface.cast(origin, np.array([1.0, 0.0, 0.0]), v, triangles)
            if hit is not None:
                found[j] = hit
    fill = found[51]
    return surface.stack([found.get(i, fill) for i in range(98)])


def _jaw() -> Floats:
    """(17, 3) a rough edge of the jaw from the right ear over the chin to the left."""
    shares = np.linspace(-1, 1, 17)
    y, z = 0.07 * np.sin(shares * np.pi / 2), -0.118 + 0.118 * np.abs(shares) ** 2.2
    x = -0.03 - 0.055 * np.abs(shares) ** 1.5
    return np.stack([x, y, z], axis=1)


def _identity(v: Floats) -> Floats:
    """Four shapes: width, height, nose, jaw."""
    x, y, z = v.T
    zero = np.zeros_like(x)
    low = np.clip(-z / 0.1, 0, 1)
    shapes = [
        (zero, 0.05 * y, zero), (zero, zero, 0.04 * z),
        (0.003 * np.exp(-((y / 0.012) ** 2) - ((z + 0.03) / 0.02) ** 2), zero, zero),
        (zero, 0.06 * y * low, zero),
    ]  # fmt: skip
    out = np.stack([np.stack(s, axis=1) for s in shapes]).astype(np.float32)
    out[:, -2:] = 0.0
    return out


def _expressions(v: Floats) -> Floats:
    x, y, z = v.T
    zero = np.zeros_like(x)
    front = np.clip((x + 0.06) / 0.03, 0, 1)

    def at(y0: float, z0: float, wide: float, high: float) -> Floats:
        return np.asarray(front * np.exp(-(((y - y0) / wide) ** 2) - ((z - z0) / high) ** 2))

    below = front * np.clip((-0.0745 - z) / 0.002, 0, 1) * np.exp(-((y / 0.05) ** 2))
    shapes = {"jawOpen": (-0.004 * below, zero, -0.022 * below)}
    for side, sign in (("L", 1.0), ("R", -1.0)):
        lid = at(sign * _EYE_Y, 0.001, 0.018, 0.0055)
        whole = at(sign * _EYE_Y, -0.007, 0.019, 0.011)
        smile = at(sign * 0.025, -0.074, 0.014, 0.014)
        brow = at(sign * 0.018, 0.016, 0.014, 0.012)
        shapes[f"eyeBlink_{side}"] = (0.0075 * whole, zero, -0.009 * lid)
        shapes[f"mouthSmile_{side}"] = (-0.003 * smile, sign * 0.007 * smile, 0.007 * smile)
        shapes[f"browInnerUp_{side}"] = (zero, zero, 0.007 * brow)
    out = np.stack([np.stack(shapes[n], axis=1) for n in _NAMES]).astype(np.float32)
    out[:, -4:] = 0.0
    return out


def _skins(head: HeadModel) -> skins.Skins:
    """Six tones, with brows and lips painted on."""
    side = skins.SIDE
    where = np.zeros((len(head.neutral), 2), np.float32)
    where[head.corner] = head.uv
    flat = np.einsum("pk,pkd->pd", head.points.weight, where[head.points.vertex]) * side - 0.5
    base = np.array([(0.62, 0.42, 0.34), (0.52, 0.34, 0.25), (0.40, 0.25, 0.17),
                     (0.27, 0.16, 0.10), (0.15, 0.085, 0.055), (0.08, 0.045, 0.03)])  # fmt: skip
    details = []
    for i in range(len(base)):
        rng = np.random.default_rng(i)
        detail = np.ones((side, side, 3), np.float32)
        detail += 0.1 * (fractal(rng, side, side, 24, 4)[..., None] - 0.5)
        for first, colour in ((33, 0.22), (42, 0.22)):
            mask = np.zeros((side, side), np.float32)
            cv2.fillPoly(mask, [np.round(flat[first : first + 9]).astype(np.int32)], 1.0)
            soft = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
            detail *= 1 - soft * (1 - colour)
        mask = np.zeros((side, side), np.float32)
        cv2.fillPoly(mask, [np.round(flat[76:88]).astype(np.int32)], 1.0)
        lips = cv2.GaussianBlur(mask, (0, 0), 1.5)[..., None]
        detail *= 1 - lips * (1 - np.array([0.95, 0.55, 0.55], np.float32))
        cv2.polylines(detail, [np.round(flat[[88, 89, 90, 91, 92]]).astype(np.int32)], False,
                      (0.3, 0.2, 0.2), 2, cv2.LINE_AA)  # fmt: skip
        details.append(np.round(np.sqrt(np.clip(detail / skins.DETAIL_MAX, 0, 1)) * 255))
    n = len(base)
    brows = Anchors(
        np.repeat(head.points.vertex[None, 33:51], n, axis=0),
        np.repeat(head.points.weight[None, 33:51], n, axis=0),
    )
    return skins.Skins(
        np.stack(details).astype(np.uint8), base, brows, np.zeros((n, len(head.identity))),
        tuple(f"code {i}" for i in range(n)),
    )  # fmt: skip


def _irises(side: int = 192) -> Image:
    at = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(at, at)
    r, turn = np.hypot(x, y) * 2.4, np.arctan2(y, x)
    rays = 0.75 + 0.25 * np.sin(turn * 37 + 3 * np.sin(turn * 11))
    out = []
    for colour in ((0.55, 0.36, 0.2), (0.35, 0.5, 0.7), (0.4, 0.55, 0.35)):
        iris = np.asarray(colour) * rays[..., None] * (1.1 - 0.4 * r[..., None])
        image = np.where((r < 1.0)[..., None], iris, (0.85, 0.82, 0.8))
        image = np.where((r < 0.24)[..., None], 0.02, image)
        out.append(np.round(np.sqrt(np.clip(image, 0, 1)) * 255))
    return np.stack(out).astype(np.uint8)


def _panoramas() -> tuple[panoramas.Panorama, ...]:
    """A room, a field under the sun, a dusk."""
    out = []
    for i, (top, bottom, sun) in enumerate((
        ((0.9, 0.85, 0.8), (0.4, 0.35, 0.3), 12.0), ((0.5, 0.7, 1.2), (0.2, 0.3, 0.1), 300.0),
        ((0.6, 0.35, 0.3), (0.1, 0.1, 0.12), 60.0),
    )):  # fmt: skip
        rng = np.random.default_rng(100 + i)
        t = np.linspace(0, 1, 128, dtype=np.float32)[:, None, None]
        picture = np.asarray(top) * (1 - t) + np.asarray(bottom) * t
        picture = picture * (0.6 + 0.8 * fractal(rng, 128, 256, 9, 4)[..., None])
        row, column = int(rng.integers(20, 50)), int(rng.integers(20, 236))
        picture[row : row + 5, column : column + 6] += sun
        out.append(panoramas.prepare_panorama(picture.astype(np.float32)))
    return tuple(out)
