# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Crops and shrinks the picture of a labelled face, together with its labels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.types import Box, Image


def landmark_region(face: LabelledFace, margin: float) -> LabelledFace:
    """A face with the part of its picture around the landmarks; the boxes are not kept.

    Args:
        face: With landmarks.
        margin: Beyond the landmarks' box at each side, in longer sides of that box.
    """
    image, points = face.image, face.landmarks
    low, high = points.min(axis=0), points.max(axis=0)
    reach = margin * float((high - low).max())
    x0, y0 = np.maximum(low - reach, 0).astype(int).tolist()
    x1, y1 = np.minimum(high + reach, image.shape[1::-1]).astype(int).tolist()

    def part(whole: Image) -> Image:
        return np.ascontiguousarray(whole[y0:y1, x0:x1])

    return replace(
        face,
        picture=part(image),
        points=points - (x0, y0),
        box=None,
        detection=None,
        opacity=None if face.opacity is None else part(face.opacity),
    )


def resized(face: LabelledFace, scale: float) -> LabelledFace:
    """A face with a smaller picture (``scale`` below 1), and its labels in pixels of that."""
    if scale >= 1.0:
        return face

    def shrunk(image: Image) -> Image:
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)

    return replace(
        face,
        picture=shrunk(face.image),
        points=None if face.points is None else (face.points + 0.5) * scale - 0.5,
        box=_scaled(face.box, scale),
        detection=_scaled(face.detection, scale),
        opacity=None if face.opacity is None else shrunk(face.opacity),
    )


def with_face_side(face: LabelledFace, side: float) -> LabelledFace:
    """A face whose landmarks' box is at most ``side`` pixels wide and high.

    A picture without landmarks becomes at most three times as wide and high.
    """
    if face.points is None:
        return resized(face, 3 * side / max(face.image.shape[:2]))
    return resized(face, side / float(np.ptp(face.points, axis=0).max()))


def _scaled(box: Box | None, scale: float) -> Box | None:
    if box is None:
        return None
    return Box(box.cx * scale, box.cy * scale, box.width * scale, box.height * scale)
