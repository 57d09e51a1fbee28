# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image crops of faces: the square input of the network, and its coordinate transform.

A crop is a square of the image, rotated so that the head is upright in it. Crop coordinates run
from 0 to 1 over the square, edge to edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.types import Box, Floats, Image

CROP_SIZE = 128
"""Side of the network's input in pixels."""

CROP_MARGIN = 1.4
"""Side of the crop over the longer side of the landmarks' box (in the head's upright)."""

_UP = np.zeros(98)
_UP[60:76] = 1 / 16
_UP[[landmark_layouts.RIGHT_MOUTH_CORNER, landmark_layouts.LEFT_MOUTH_CORNER]] = -1 / 2
"""Weights of the landmarks that make the vector from the mouth's corners to the eyes."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A square of the image: centre and side in pixels, angle in radians.

    ``angle`` is the clockwise rotation of the square in the image (from x towards y).

    >>> Crop(50, 40, 20, 0).to_image(np.array([[0.5, 0.5], [0.0, 1.0]])).tolist()
    [[50.0, 40.0], [40.0, 50.0]]
    """

    cx: float
    cy: float
    side: float
    angle: float = 0.0

    def to_image(self, points: Floats) -> Floats:
        """(..., 2) crop coordinates to image pixels."""
        c, s = math.cos(self.angle) * self.side, math.sin(self.angle) * self.side
        out: Floats = (points - 0.5) @ np.array([[c, s], [-s, c]]) + (self.cx, self.cy)
        return out

    def to_crop(self, points: Floats) -> Floats:
        """(..., 2) image pixels to crop coordinates."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        turned: Floats = (points - (self.cx, self.cy)) @ np.array([[c, -s], [s, c]])
        return turned / self.side + 0.5

    def reduced(self, factor: int) -> Crop:
        """The same crop in the image reduced by a factor.

        >>> Crop(50.5, 40.5, 20, 0).reduced(2)
        Crop(cx=25.0, cy=20.0, side=10.0, angle=0)
        """
        if factor == 1:
            return self  # without rounding errors
        # A pixel centre x becomes (x + 0.5) / factor - 0.5.
        cx, cy = (self.cx + 0.5) / factor - 0.5, (self.cy + 0.5) / factor - 0.5
        return Crop(cx, cy, self.side / factor, self.angle)

    def box(self) -> Box:
        """The upright square of the same centre and side."""
        return Box(self.cx, self.cy, self.side, self.side)


def upright_angle(landmarks: Floats) -> float:
    """Angle by which the head is turned in the image, from (98, 2) landmarks.

    The line from the mouth's corners to the eyes is used rather than the line between the eyes: it
    keeps its length when the head turns to profile.
    """
    x, y = (_UP @ landmarks).tolist()
    return math.atan2(x, -y) if math.hypot(x, y) > 1e-6 else 0.0


def crop_from_landmarks(
    landmarks: Floats, angle: float | None = None, margin: float = CROP_MARGIN
) -> Crop:
    """The crop around (98, 2) landmarks, rotated by ``angle`` (default: upright)."""
    turn = upright_angle(landmarks) if angle is None else angle
    c, s = math.cos(turn), math.sin(turn)
    upright = np.array([[c, s], [-s, c]]) @ landmarks.T
    (x0, y0), (x1, y1) = upright.min(axis=1).tolist(), upright.max(axis=1).tolist()
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return Crop(x * c - y * s, x * s + y * c, max(x1 - x0, y1 - y0) * margin, turn)


def sufficient_reduction(
    crops: Sequence[Crop], width: int, height: int, size: int = CROP_SIZE
) -> int:
    """By how much an image may be reduced without a loss for crops of ``size`` pixels.

    Returns:
        The largest of 8, 4, 2 and 1 that divides both sides of the image, so that pixels stay
        aligned, and leaves each crop at least ``size`` pixels wide.

    >>> sufficient_reduction([Crop(0, 0, 300)], 1920, 1080), sufficient_reduction([], 1920, 1080)
    (2, 8)
    """
    narrowest = min((crop.side for crop in crops), default=math.inf)
    return next(
        (
            factor
            for factor in (8, 4, 2)
            if width % factor == height % factor == 0 and narrowest >= factor * size
        ),
        1,
    )


def cut(image: Image, crop: Crop, size: int = CROP_SIZE) -> Image:
    """Cut a crop out of an image as (size, size, 3) uint8; black beyond the image.

    Large faces are shrunk by area first, so that no aliasing reaches the network.
    """
    out = np.empty((size, size, 3), np.uint8)
    _cut_into(out, image, crop)
    return out


def cut_batch(image: Image, crops: Sequence[Crop], size: int = CROP_SIZE) -> Image:
    """Cut several crops out of an image as (N, size, size, 3) uint8."""
    out = np.empty((len(crops), size, size, 3), np.uint8)
    for target, crop in zip(out, crops, strict=True):
        _cut_into(target, image, crop)
    return out


def _cut_into(out: Image, image: Image, crop: Crop) -> None:
    size = out.shape[0]
    image, crop = _shrunk(image, crop, size)
    scale = crop.side / size
    c, s = math.cos(crop.angle) * scale, math.sin(crop.angle) * scale
    half = (size - 1) / 2
    # Pixel centres: output pixel i lies at crop coordinate (i + 0.5) / size.
    matrix = np.array([[c, -s, crop.cx - (c - s) * half], [s, c, crop.cy - (s + c) * half]])
    cv2.warpAffine(
        image, matrix, (size, size), dst=out, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )


def _shrunk(image: Image, crop: Crop, size: int) -> tuple[Image, Crop]:
    """Halve the crop's surroundings until linear sampling sees every pixel."""
    factor = int(crop.side / size)
    if factor < 2:
        return image, crop
    reach = crop.side * 0.71 + 2 * factor  # half the diagonal
    height, width = image.shape[:2]
    x0, x1 = (int(np.clip(v, 0, width)) for v in (crop.cx - reach, crop.cx + reach))
    y0, y1 = (int(np.clip(v, 0, height)) for v in (crop.cy - reach, crop.cy + reach))
    w, h = (x1 - x0) // factor, (y1 - y0) // factor
    if w < 1 or h < 1:
        return image, crop
    part = image[y0 : y0 + h * factor, x0 : x0 + w * factor]
    small = cv2.resize(part, (w, h), interpolation=cv2.INTER_AREA)
    part_crop = Crop(crop.cx - x0, crop.cy - y0, crop.side, crop.angle)
    return np.asarray(small, np.uint8), part_crop.reduced(factor)
