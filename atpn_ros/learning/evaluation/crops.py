# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which square of a picture a model sees: by the truth, a detector, or its first answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atpn_ros.crop import CROP_MARGIN, Crop, crop_from_landmarks
from atpn_ros.detectors.base import square_of
from atpn_ros.learning.evaluation.faces import Face
from atpn_ros.learning.evaluation.points import WFLW98, Layout
from atpn_ros.types import Floats, Image

BOXES = ("truth", "detector", "tracked")
"""Where crops can come from. ``tracked`` is cropped once more by the answer to the detector's
crop, as the tracker does."""


@dataclass(frozen=True, slots=True)
class CropPlan:
    """How a model wants its crops.

    Attributes:
        margin: Side of the crop over the longer side of the landmarks' box.
        shift: By how many sides the crop lies to the right and below.
        upright: Whether a crop by landmarks is turned so that the head stands upright.
    """

    margin: float = CROP_MARGIN
    shift: tuple[float, float] = (0.0, 0.0)
    upright: bool = True

    def fit(self, crop: Crop) -> Crop:
        """This plan's crop of a face, from the node's own crop of it."""
        side = crop.side * self.margin / CROP_MARGIN
        pixels = Crop(crop.cx, crop.cy, 1.0, crop.angle)
        cx, cy = pixels.to_image(np.asarray(self.shift) * side + 0.5)
        return Crop(float(cx), float(cy), side, crop.angle if self.upright else 0.0)


def true_crop(face: Face) -> Crop:
    """The upright square around the labelled points."""
    return crop_from_landmarks(face.points, 0.0)


def first_crop(face: Face, rng: np.random.Generator) -> Crop:
    """The detector's crop; without a detection the true one, as far off as detectors are."""
    if face.detection is not None:
        return square_of(face.detection)
    true = true_crop(face)
    dx, dy, size = rng.normal(0, (0.03, 0.04, 0.07))
    return Crop(
        true.cx + true.side * float(dx),
        true.cy + true.side * float(dy),
        true.side * float(np.exp(size)),
    )


def next_crop(points: Floats, layout: Layout) -> Crop:
    """The tracker's crop of (layout.count, 2) landmarks."""
    if layout == WFLW98:
        return crop_from_landmarks(points)
    seen = layout.to68(points)
    up = seen[36:48].mean(axis=0) - (seen[48] + seen[54]) / 2  # from the mouth to the eyes
    return crop_from_landmarks(seen, float(np.arctan2(up[0], -up[1])))


def beside(crop: Crop, number: int) -> Crop:
    """0.75 to 1.1 of a side to the left or right: mostly not the face."""
    away = (-1.0) ** number * (0.75 + 0.05 * (number % 8))
    return Crop(crop.cx + crop.side * away, crop.cy, crop.side)


def whole(image: Image) -> Crop:
    """The square of a picture's height and width, whichever is less, in its middle."""
    height, width = image.shape[:2]
    return Crop((width - 1) / 2, (height - 1) / 2, float(min(height, width)))
