# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws faces and a latency chart into an image with OpenCV."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from atpn_ros.drawing.overlay import Colour, caption, colour_of, pupils, size_of, strokes
from atpn_ros.types import Face, FaceFrame, Floats, Image

_SHIFT = 4  # OpenCV draws at 1/16 pixel
_CHART: Colour = (250, 230, 90)
_TICK = (240, 140, 40)  # BGR, as all that OpenCV is given
_TEXT, _SHADE = (255, 255, 255), (40, 36, 34)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(image: Image, result: FaceFrame) -> Image:
    """A copy of a BGR image with its faces drawn in, by :mod:`atpn_ros.drawing.overlay`."""
    out = image.copy()
    for face in result.faces:
        _draw_face(out, face)
    return out


def sparkline(image: Image, values_ms: Sequence[float], marks: Sequence[bool] = ()) -> None:
    """Draw a chart of the latest latencies into the lower left corner of an image, in place.

    Args:
        image: (H, W, 3) uint8 BGR, modified.
        values_ms: Milliseconds from the oldest to the newest; the newest is also written as text.
        marks: For each value, whether it gets a tick below (the detector ran).
    """
    height, width = image.shape[:2]
    ui = _ui(image)
    w, h = min(round(180 * ui), width - 8), min(round(44 * ui), height - 8)
    if w < 24 or h < 24 or not values_ms:
        return
    x0, y0 = 4, height - 4 - h
    panel = image[y0 : y0 + h, x0 : x0 + w]
    panel[:] = (panel * 0.35 + np.array(_SHADE) * 0.65).astype(np.uint8)
    values = np.asarray(values_ms, np.float64)
    # So that a single late frame does not flatten all others.
    top = max(10.0, 2 * float(np.percentile(values, 90)))
    x = x0 + w - 1 - np.arange(len(values) - 1, -1, -1) * 1.5 * ui
    shown = x >= x0
    y = y0 + h - 6 * ui - np.clip(values / top, 0, 1) * (h - 22 * ui)
    _polyline(image, np.stack([x, y], axis=1)[shown], _CHART, 1)
    for tick, mark in zip(x, marks, strict=False):
        if mark and tick >= x0:
            cv2.line(image, (int(tick), y0 + h - 4), (int(tick), y0 + h - 2), _TICK, 1)
    text = f"{values[-1]:.1f} ms of {top:.0f}"
    _write(image, text, x0 + 4, y0 + round(12 * ui), 0.36 * ui)


def _draw_face(out: Image, face: Face) -> None:
    scale, colour = size_of(face), colour_of(face)[::-1]
    for stroke in strokes(face):
        _polyline(out, stroke.points, stroke.colour, stroke.width)
    if face.landmarks is not None:
        radius = round(max(1.0, min(scale, 1e4) / 130) * 2**_SHIFT)
        for point in _fixed(face.landmarks).tolist() if scale > 80 else ():  # else they hide lines
            cv2.circle(out, point, radius, colour, -1, cv2.LINE_AA, _SHIFT)
    for pupil in _fixed(pupils(face)).tolist():
        radius = int(min(scale, 1e4) / 45 * 2**_SHIFT)
        cv2.circle(out, pupil, radius, colour, 1, cv2.LINE_AA, _SHIFT)
    size = max(0.4, min(0.6, scale / 300)) * _ui(out)
    x0, y0, x1, _ = face.box.xyxy
    text = caption(face)
    (width, height), _ = cv2.getTextSize(text, _FONT, size, 1)
    x = int(np.clip((x0 + x1 - width) / 2, 2, max(2, out.shape[1] - width - 2)))
    y = int(np.clip(y0 - scale * 0.3, height + 4, out.shape[0] - 4))
    _write(out, text, x, y, size)


def _ui(image: Image) -> float:
    """Scale of text relative to a 640x480 image, so that it looks alike on images of every size."""
    return float(np.clip(image.shape[0] / 480, 1, 4))


def _write(out: Image, text: str, x: int, y: int, size: float) -> None:
    width = max(1, round(size * 1.8))
    cv2.putText(out, text, (x, y), _FONT, size, (0, 0, 0), width + 2, cv2.LINE_AA)
    cv2.putText(out, text, (x, y), _FONT, size, _TEXT, width, cv2.LINE_AA)


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    # Far outside the image OpenCV's fixed-point numbers would overflow.
    fixed = np.round(np.clip(points, -1e5, 1e5) * 2**_SHIFT)
    return np.asarray(fixed, np.int32)


def _polyline(out: Image, points: Floats, colour: Colour, width: int) -> None:
    cv2.polylines(out, [_fixed(points)], False, colour[::-1], width, cv2.LINE_AA, _SHIFT)
