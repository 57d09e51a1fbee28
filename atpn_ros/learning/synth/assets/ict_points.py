# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Defines the 98 landmarks, the lines of jaw points and hair regions on the ICT-FaceKit mesh."""

from __future__ import annotations

import hashlib
import itertools
import zipfile
from pathlib import Path

import cv2
import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.polyline import arc_length, points_at
from atpn_ros.learning.synth.assets import surface
from atpn_ros.learning.synth.assets.head_model import Anchors, Ints
from atpn_ros.types import Floats

_STEPS = 32
"""Places on each outline path."""

_CENTRE_X, _CENTRE_Z = -0.055, -0.062
"""Where the rays of the outline paths start: inside the head, at the height of the upper lip."""


_BESIDE_EYES = 0.045
"""Above the nose the outline paths end this far from the middle: beyond the eyes."""


_UV: dict[int, tuple[float, float]] = {
    **dict(zip(range(33, 42), (
        (0.2350, 0.7750), (0.2840, 0.8143), (0.3501, 0.8153), (0.4083, 0.8038), (0.4462, 0.7898),
        (0.4290, 0.7743), (0.3813, 0.7848), (0.3317, 0.7908), (0.2827, 0.7914),
    ), strict=True)),
    55: (0.4295, 0.5450), 56: (0.4711, 0.5412),
    60: (0.3077, 0.7234),
    76: (0.3856, 0.4420), 77: (0.4247, 0.4912), 78: (0.4660, 0.5093), 79: (0.5, 0.5082),
    85: (0.5, 0.3583), 86: (0.4428, 0.3633), 87: (0.4033, 0.3867),
}  # fmt: skip
"""Texture coordinates of points on the person's right; those on the left mirror them.

Where the hand-placed points of the 82 London faces fall on average on heads fitted to them.
"""

_LID_RIMS = ((60, 61, 63, 64), (64, 65, 67, 60), (68, 69, 71, 72), (72, 73, 75, 68))
_LIP_RIMS = ((88, 89, 90, 91, 92), (92, 93, 94, 95, 88))
_LIP_SHIFT = 0.00085
"""Metres by which 89, 91, 93, 95 lie further in than the head's own list says (as above)."""


def place(v: Floats, uv: Floats, corner: Ints, skin: Ints, marks: Ints) -> tuple[Anchors, Anchors]:
    """The 98 points and the 33 outline paths (:class:`HeadModel` says what they are).

    Args:
        v: (V, 3) neutral vertices, head frame.
        uv: (C, 2) texture coordinates.
        corner: (C,) the vertex of each corner.
        skin: (T, 3) corners of the skin's triangles.
        marks: (68,) the list of landmark vertices that comes with the head.
    """
    face = skin[(uv[skin][..., 0] < 1.0).all(axis=1)]
    contour = strips(v, corner[face], v[marks[:17]])
    found = {
        i: _vertex(int(m)) for i, m in zip(landmark_layouts.IBUG68_IN_WFLW98, marks, strict=True)
    }
    for i in range(33):
        found[i] = Anchors(contour.vertex[i, 0], contour.weight[i, 0])
    for i, place_uv in _UV.items():
        found[i] = surface.at_uv(np.array(place_uv), uv, face, corner)
        mirrored = np.array([1.0 - place_uv[0], place_uv[1]])
        found[landmark_layouts.MIRROR98[i]] = surface.at_uv(mirrored, uv, face, corner)
    flat = corner[skin]
    for rim in _LID_RIMS:
        path = _path(v, flat, [found[i].vertex[0] for i in rim])
        for i, share in ((rim[1], 1 / 3), (rim[1] + 1, 1 / 2), (rim[2], 2 / 3)):
            found[i] = surface.on_path(path, share, v)
    for lip in _LIP_RIMS:
        path = _path(v, flat, [found[i].vertex[0] for i in lip])
        length = float(np.linalg.norm(np.diff(v[path], axis=0), axis=1).sum())
        for i, inward in ((lip[1], 1.0), (lip[3], -1.0)):
            old = float(np.linalg.norm(np.diff(v[path[: path.index(int(found[i].vertex[0])) + 1]],
                                               axis=0), axis=1).sum())  # fmt: skip
            found[i] = surface.on_path(path, (old + inward * _LIP_SHIFT) / length, v)
    # The pupils lie in the eyeballs; the labels place them where the eyes look.
    for i, eye in (
        (landmark_layouts.RIGHT_PUPIL, len(v) - 4),
        (landmark_layouts.LEFT_PUPIL, len(v) - 3),
    ):
        found[i] = _vertex(eye)
    return surface.stack([found[i] for i in range(98)]), contour


def kept(
    cache: Path | None, v: Floats, uv: Floats, corner: Ints, skin: Ints, marks: Ints
) -> tuple[Anchors, Anchors]:
    """As :func:`place`, from a cache folder where it was placed before."""
    digest = hashlib.sha256(Path(__file__).read_bytes() + v.tobytes()).hexdigest()[:16]
    path = None if cache is None else cache / f"points-{digest}.npz"
    if path is not None:
        try:
            with np.load(path, allow_pickle=False) as z:
                return Anchors(z["pv"], z["pw"]), Anchors(z["sv"], z["sw"])
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
            pass  # made anew
    points, contour = place(v, uv, corner, skin, marks)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_replace(path) as part:
            np.savez(part, pv=points.vertex, pw=points.weight, sv=contour.vertex, sw=contour.weight)
    return points, contour


def _path(v: Floats, triangles: Ints, through: list[int]) -> list[int]:
    """A path over edges through several vertices."""
    low, high = v[through].min(axis=0) - 0.01, v[through].max(axis=0) + 0.01
    near = triangles[((v[triangles] > low) & (v[triangles] < high)).all(axis=(1, 2))]
    path = [int(through[0])]
    for a, b in itertools.pairwise(through):
        path += surface.along_edges(int(a), int(b), v, near)[1:]
    return path


def _vertex(i: int) -> Anchors:
    return Anchors(np.array([i, i, i]), np.array([1.0, 0.0, 0.0]))


def strips(v: Floats, triangles: Ints, jaw: Floats) -> Anchors:
    """(33, _STEPS) places from the jaw's edge inwards, on planes through the head.

    Args:
        v: (V, 3) neutral vertices.
        triangles: (T, 3) vertices of the face's triangles.
        jaw: (17, 3) the jaw's edge from the right ear over the chin to the left.
    """
    edge = _resampled(jaw, 33)
    found, ends = [], []
    for point in edge:
        hits, last = _slice(v, triangles, point)
        # The jaw's underside belongs to it as far as one sees it from the front.
        slack = np.radians(30) * np.clip((_CENTRE_Z + 0.02 - point[2]) / 0.03, 0, 1)
        near = [h for h in hits if h[0] <= last + slack + 0.02]
        found.append(hits)
        ends.append(max(near, key=lambda h: h[2])[0] if slack > 0 else near[-1][0])
    rows = []
    for hits, end in zip(found, _smoothed(np.array(ends)), strict=True):
        angle = np.array([h[0] for h in hits])
        pick = [int(np.argmin(np.abs(angle - a))) for a in np.linspace(end, angle[0], _STEPS)]
        rows.append(surface.stack([hits[k][1] for k in pick]))
    return Anchors(np.stack([r.vertex for r in rows]), np.stack([r.weight for r in rows]))


def _slice(
    v: Floats, triangles: Ints, point: Floats
) -> tuple[list[tuple[float, Anchors, float]], float]:
    """Places on a half plane through the head and a point of the jaw, from the front backwards.

    Each is (angle, place, distance from the middle); beside them the angle of the point itself.
    """
    z0 = max(_CENTRE_Z, float(point[2]))  # level above the mouth, fanned out below it
    centre = np.array([_CENTRE_X, 0.0, z0])
    outward = np.array([0.0, point[1], point[2] - z0])
    outward /= np.linalg.norm(outward)
    last = float(np.arctan2((point - centre) @ outward, point[0] - _CENTRE_X))
    hits = []
    for angle in np.linspace(np.radians(24), np.radians(135), 100):
        ray = np.array([np.cos(angle), 0.0, 0.0]) + np.sin(angle) * outward
        hit = surface.cast(centre, ray, v, triangles)
        if hit is None:
            continue
        away = float((hit.at(v) - centre) @ outward)
        if away > (_BESIDE_EYES if z0 > -0.03 else 0.0):
            hits.append((float(angle), hit, away))
    return hits, last


def _smoothed(values: Floats) -> Floats:
    """A running mean that keeps both ends."""
    for _ in range(3):
        inner = values[1:-1] / 2 + (values[:-2] + values[2:]) / 4
        values = np.concatenate([values[:1], inner, values[-1:]])
    return values


def _resampled(points: Floats, count: int) -> Floats:
    """``count`` points evenly spaced along a line."""
    length = arc_length(points)
    return points_at(points, length, np.linspace(0, length[-1], count))


_HAIRLINE = ((-0.20, -0.085), (-0.135, -0.075), (-0.11, -0.045), (-0.088, -0.035),
             (-0.076, -0.03), (-0.07, 0.0), (-0.056, 0.022), (-0.04, 0.05), (-0.015, 0.064),
             (0.05, 0.066))  # fmt: skip
"""Where hair begins: (x, lowest z), head frame, metres."""

_BEARD_LINE = ((-0.09, -0.005), (-0.08, -0.03), (-0.04, -0.063), (-0.02, -0.056), (0.03, -0.052))
"""Where a beard ends: (x, highest z)."""


def masks(v: Floats, points: Anchors) -> Floats:
    """(V, 4) float32: scalp, beard, lips, brows; 0..1 with soft edges."""
    x, y, z = v.T.astype(np.float64)
    p = points.at(v)
    around = np.hypot((x + 0.098) / 0.032, (z + 0.022) / 0.045)
    ear = _soft(np.abs(y) - 0.068, 0.004) * _soft(1.0 - around, 0.1)
    scalp = _soft(z - np.interp(x, *np.transpose(_HAIRLINE)), 0.016) * (1 - ear)
    lips = _inside(p[76:88][:, 1:], y, z, 0.0015) * _soft(x - p[76, 0] + 0.012, 0.004)
    below_nose = np.interp(x, *np.transpose(_BEARD_LINE)) - z
    beard = _soft(below_nose - 0.004, 0.018) * _soft(z + 0.127, 0.012)
    beard *= (1 - lips) * (1 - ear) * _soft(x + 0.088, 0.006)
    brows = np.maximum(
        _inside(p[33:42][:, 1:], y, z, 0.005), _inside(p[42:51][:, 1:], y, z, 0.005)
    ) * _soft(x + 0.05, 0.01)
    return np.stack([scalp, beard, lips, brows], axis=1).astype(np.float32)


def _soft(distance: Floats, width: float) -> Floats:
    t = np.clip(distance / (2 * width) + 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _inside(polygon: Floats, y: Floats, z: Floats, width: float) -> Floats:
    line = (polygon * 1e4).astype(np.float32).reshape(-1, 1, 2)
    away = [cv2.pointPolygonTest(line, (float(a), float(b)), True)
            for a, b in zip(y * 1e4, z * 1e4, strict=True)]  # fmt: skip
    return _soft(np.array(away) / 1e4 + width, width)
