# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Crops that models are evaluated on: from labels, a detector, or the model's own landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atpn_ros.crop import CROP_MARGIN, Crop, crop_from_landmarks
from atpn_ros.learning.data.layouts import WFLW98, Layout
from atpn_ros.types import Floats, Image

BOXES = ("truth", "detector", "tracked")
"""Sources of crops. ``tracked`` crops again by the landmarks predicted on the detector's crop, as
the tracker does."""


@dataclass(frozen=True, slots=True)
class CropPlan:
    """The crops that a model was trained on.

    Attributes:
        margin: Side of the crop over the longer side of the landmarks' box.
        shift: By how many sides the crop lies to the right and below.
        upright: Whether a crop by landmarks is turned so that the head stands upright.
    """

    margin: float = CROP_MARGIN
    shift: tuple[float, float] = (0.0, 0.0)
    upright: bool = True

    def fit(self, crop: Crop) -> Crop:
        """The model's crop of a face, given the node's crop of it."""
        side = crop.side * self.margin / CROP_MARGIN
        pixels = Crop(crop.cx, crop.cy, 1.0, crop.angle)
        cx, cy = pixels.to_image(np.asarray(self.shift) * side + 0.5)
        return Crop(float(cx), float(cy), side, crop.angle if self.upright else 0.0)


def tracked_crop(points: Floats, layout: Layout) -> Crop:
    """The tracker's crop of (layout.count, 2) landmarks."""
    if layout == WFLW98:
        return crop_from_landmarks(points)
    seen = layout.to68(points)
    up = seen[36:48].mean(axis=0) - (seen[48] + seen[54]) / 2  # from the mouth to the eyes
    return crop_from_landmarks(seen, float(np.arctan2(up[0], -up[1])))


def crop_beside(crop: Crop, number: int) -> Crop:
    """The crop moved by 0.75 to 1.1 of its side to the left or right: mostly beside the face."""
    away = (-1.0) ** number * (0.75 + 0.05 * (number % 8))
    return Crop(crop.cx + crop.side * away, crop.cy, crop.side)


def whole_crop(image: Image) -> Crop:
    """The largest square in the middle of a picture."""
    height, width = image.shape[:2]
    return Crop((width - 1) / 2, (height - 1) / 2, float(min(height, width)))
