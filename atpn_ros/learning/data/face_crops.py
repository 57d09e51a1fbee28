# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Crops of labelled faces: exact, or with the errors of a face detector's box."""

from __future__ import annotations

import numpy as np

from atpn_ros.crop import CROP_MARGIN, Crop, crop_from_landmarks
from atpn_ros.detectors.base import square_of
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.labelled_face import LabelledFace


def exact_crop(face: LabelledFace) -> Crop:
    """The upright square around the labelled points, or around the box of a face without points.

    Raises:
        DataError: The face has neither.
    """
    if face.points is not None:
        return crop_from_landmarks(face.points, 0.0)
    if face.box is None:
        raise DataError(f"{face.name}: has neither landmarks nor a box")
    return Crop(face.box.cx, face.box.cy, max(face.box.width, face.box.height) * CROP_MARGIN)


def detector_crop(face: LabelledFace, rng: np.random.Generator) -> Crop:
    """The detector's crop; without a detection the exact one, displaced as detectors do."""
    if face.detection is not None:
        return square_of(face.detection)
    exact = exact_crop(face)
    dx, dy, size = rng.normal(0, (0.03, 0.04, 0.07))
    return Crop(
        exact.cx + exact.side * float(dx),
        exact.cy + exact.side * float(dy),
        exact.side * float(np.exp(size)),
    )
