# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws faces and a latency chart into an image with OpenCV."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from atpn_ros.drawing.labels import place_labels
from atpn_ros.drawing.overlay import Colour, colour_of, rings, size_of, strokes
from atpn_ros.types import Box, Face, FaceFrame, Floats, Image

_SHIFT = 4  # OpenCV draws at 1/16 pixel
_CHART: Colour = (250, 230, 90)
_TICK = (240, 140, 40)  # BGR, as all colours of OpenCV
_TEXT, _SHADE = (255, 255, 255), (40, 36, 34)
_DARK: Colour = (20, 20, 20)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_MARGIN = 3  # around a caption, for its outline


def draw(image: Image, result: FaceFrame, reserved: Sequence[Box] = ()) -> Image:
    """A copy of a BGR image with its faces drawn in, by :mod:`atpn_ros.drawing.overlay`.

    Captions do not overlap each other nor the ``reserved`` rectangles.
    """
    out = image.copy()
    for face in result.faces:
        _draw_face(out, face)
    height, width = out.shape[:2]

    def measure(lines: Sequence[str], face: Face) -> tuple[float, float]:
        return _text_size(lines, _text_scale(face, out))

    for label in place_labels(result.faces, width, height, measure, reserved):
        scale = _text_scale(label.face, out)
        (line_height, descent), (x0, y0, _, _) = _line_size(scale), label.box.xyxy
        for n, line in enumerate(label.lines, 1):
            x, y = round(x0) + _MARGIN, round(y0) + _MARGIN + n * line_height - descent
            _write(out, line, x, y, scale)
    return out


def sparkline_area(image: Image) -> Box:
    """The rectangle that :func:`sparkline` covers, pixels; empty if the image is too small."""
    w, h = _sparkline_size(image)
    if w < 24 or h < 24:
        return Box(0.0, 0.0, 0.0, 0.0)
    bottom = image.shape[0] - 4
    return Box.from_xyxy(4, bottom - h, 4 + w, bottom)


def sparkline(image: Image, values_ms: Sequence[float], marks: Sequence[bool] = ()) -> None:
    """Draw a chart of the latest latencies into the lower left corner of an image, in place.

    Args:
        image: (H, W, 3) uint8 BGR, modified.
        values_ms: Milliseconds from the oldest to the newest; the newest is also written as text.
        marks: For each value, whether it gets a tick below (the detector ran).
    """
    height, ui = image.shape[0], _ui(image)
    w, h = _sparkline_size(image)
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


def _sparkline_size(image: Image) -> tuple[int, int]:
    ui, (height, width) = _ui(image), image.shape[:2]
    return min(round(180 * ui), width - 8), min(round(44 * ui), height - 8)


def _draw_face(out: Image, face: Face) -> None:
    scale, colour = size_of(face), colour_of(face)[::-1]
    for stroke in strokes(face):
        if stroke.outlined:
            _polyline(out, stroke.points, _DARK, stroke.width + 2)
        _polyline(out, stroke.points, stroke.colour, stroke.width)
    if face.landmarks is not None:
        radius = round(max(1.0, min(scale, 1e4) / 130) * 2**_SHIFT)
        for point in _fixed(face.landmarks).tolist() if scale > 80 else ():  # else they hide lines
            cv2.circle(out, point, radius, colour, -1, cv2.LINE_AA, _SHIFT)
    for ring in rings(face):
        radius = int(min(ring.radius, 1e3) * 2**_SHIFT)
        centre = _fixed(ring.centre).tolist()
        for ring_colour, width in ((_DARK, ring.width + 2), (ring.colour, ring.width)):
            cv2.circle(out, centre, radius, ring_colour[::-1], width, cv2.LINE_AA, _SHIFT)


def _text_scale(face: Face, out: Image) -> float:
    return max(0.4, min(0.6, size_of(face) / 300)) * _ui(out)


def _line_size(scale: float) -> tuple[int, int]:
    """Height of a line and its part below the baseline, pixels."""
    (_, ascent), descent = cv2.getTextSize("#|", _FONT, scale, _text_width(scale))
    return ascent + descent, descent


def _text_size(lines: Sequence[str], scale: float) -> tuple[float, float]:
    widths = [cv2.getTextSize(line, _FONT, scale, _text_width(scale))[0][0] for line in lines]
    return max(widths) + 2 * _MARGIN, _line_size(scale)[0] * len(lines) + 2 * _MARGIN


def _text_width(scale: float) -> int:
    return max(1, round(scale * 1.8))


def _ui(image: Image) -> float:
    """Scale of text relative to a 640x480 image, so that it looks alike on images of every size."""
    return float(np.clip(image.shape[0] / 480, 1, 4))


def _write(out: Image, text: str, x: int, y: int, size: float) -> None:
    width = _text_width(size)
    cv2.putText(out, text, (x, y), _FONT, size, (0, 0, 0), width + 2, cv2.LINE_AA)
    cv2.putText(out, text, (x, y), _FONT, size, _TEXT, width, cv2.LINE_AA)


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    # Far outside the image OpenCV's fixed-point numbers would overflow.
    fixed = np.round(np.clip(points, -1e5, 1e5) * 2**_SHIFT)
    return np.asarray(fixed, np.int32)


def _polyline(out: Image, points: Floats, colour: Colour, width: int) -> None:
    cv2.polylines(out, [_fixed(points)], False, colour[::-1], width, cv2.LINE_AA, _SHIFT)
