# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Photographs with labels, as the trainer wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.datasets.labelled import Labelled, read_labelled
from atpn_ros.types import Box, Floats, Image

_STORED_SIDE = 300
"""Pictures are kept at this side: a face then spans about as many pixels as in a crop."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled face.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        landmarks: (98, 2) pixels, WFLW order.
        trust: (98,) weight of each point in training; 1 where it is known, 0 where it is not.
        rotation: (3, 3) head to the crop's own camera, or None where nobody knows it.
        detection: A real detector's box of this face, or None.
        name: For messages.
        gaze: (2, 3) unit directions of the right and left eye in the crop's own camera, or None.
        eyes_open: (2,) 1 where an eye is open enough to look.
        eyes_seen: (2,) 1 where it is open and nothing hides it: hair, a hand, the nose.
        middles: Whether the brows' upper points are their middles, as iBUG's annotators click.
        tone: Skin tone bin, 0 light to 5 dark, or None.
        subset: The part of its data set, for figures per part.
    """

    image: Image
    landmarks: Floats
    trust: Floats
    rotation: Floats | None
    detection: Box | None
    name: str
    gaze: Floats | None = None
    eyes_open: tuple[float, float] = (1.0, 1.0)
    eyes_seen: tuple[float, float] = (1.0, 1.0)
    middles: bool = False
    tone: int | None = None
    subset: str = ""


def load_faces_300w(folder: Path, split: str) -> list[Sample]:
    """The faces of :func:`atpn_ros.learning.data.datasets.labelled.read_labelled`, ready to teach.

    The 30 points that WFLW has beyond iBUG's 68 are not trusted, the rotation is not known.

    Raises:
        DataError: A file is missing, cannot be read, or holds no 68 finite points.
    """
    return [_sample(face) for face in read_labelled(folder, split)]


def _sample(face: Labelled) -> Sample:
    image, points, box = face.image, face.points, face.detection
    scale = min(1.0, _STORED_SIDE / max(image.shape[:2]))
    if scale < 1.0:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        points = (points + 0.5) * scale - 0.5
        if box is not None:
            box = Box(box.cx * scale, box.cy * scale, box.width * scale, box.height * scale)
    landmarks, trust = complete(points)
    return Sample(
        np.asarray(image, np.uint8), landmarks, trust, None, box, face.name, middles=True,
        subset=face.subset,
    )  # fmt: skip


def complete(points68: Floats) -> tuple[Floats, Floats]:
    """(98, 2) landmarks of 68 clicked points, and (98,) how far each is trusted.

    The contour's and lids' points between are interpolated and trusted half: they keep the curves
    smooth. The brows' lower edges stand on the clicked middles, the pupils amid the lids; neither
    is trusted at all.
    """
    out, trust = np.zeros((98, 2)), np.zeros(98)
    clicked = np.asarray(landmark_layouts.IBUG68_IN_WFLW98)
    out[clicked], trust[clicked] = points68, 1.0
    ends = (2 * out[0] - out[2], 2 * out[32] - out[30])
    even = np.concatenate([ends[:1], out[0:33:2], ends[1:]])
    # Catmull-Rom midpoints of the clicked contour.
    out[1:33:2] = (9 * (even[1:-2] + even[2:-1]) - even[:-3] - even[3:]) / 16
    trust[1:33:2] = 0.5
    for upper, lower in landmark_layouts.BROW_EDGES98:
        out[lower] = out[upper]
    for a, b, c, d, middle in ((60, 61, 63, 64, 62), (64, 65, 67, 60, 66), (68, 69, 71, 72, 70),
                               (72, 73, 75, 68, 74)):  # fmt: skip
        out[middle] = (9 * (out[b] + out[c]) - out[a] - out[d]) / 16
        trust[middle] = 0.5
    out[landmark_layouts.RIGHT_PUPIL] = out[60:68].mean(axis=0)
    out[landmark_layouts.LEFT_PUPIL] = out[68:76].mean(axis=0)
    return out, trust
