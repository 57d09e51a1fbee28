# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A cut-out person with transparency, and the points that a face's bounding box encloses.

A face's box holds chin, cheeks, nose and the forehead up to the hair, as the boxes of the usual
detectors do. It is taken around points and not kept as a box, since the points can be turned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.types import Floats, Image

BROWS = slice(33, 51)
"""WFLW-98's points of both brows."""
_NOSE = slice(51, 60)
FOREHEAD = 0.42
"""Height of what a box holds above the brows, over the distance from the brows to the chin."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """Somebody, cut out.

    Attributes:
        image: (H, W, 4) uint8 BGR and opacity.
        outline: (K, 2) pixels of the points that the face's box holds; None: no face is seen.
    """

    image: Image
    outline: Floats | None


def outline(landmarks: Floats, up: Floats) -> Floats:
    """(60, 2) points that a face's box holds.

    Args:
        landmarks: (98, 2) pixels, WFLW order.
        up: (2,) pixels from the brows to the forehead's upper end.
    """
    brows = landmarks[BROWS] + up
    return np.concatenate([landmarks[:33], landmarks[_NOSE], brows]).astype(np.float32)


def forehead(landmarks: Floats, axis: Floats) -> Floats:
    """(2,) pixels from the brows to the forehead's upper end.

    Args:
        landmarks: (98, 2) pixels, WFLW order.
        axis: (2,) of the head in the image, from the chin to the scalp; any length.
    """
    unit = axis / max(float(np.linalg.norm(axis)), 1e-6)
    height = float((landmarks[BROWS].mean(0) - landmarks[16]) @ unit)
    return np.asarray(unit * max(height, 0.0) * FOREHEAD)


def frontal_outline(landmarks: Floats) -> Floats:
    """:func:`outline` of a face that looks into the camera, from its landmarks alone."""
    across = landmarks[list(landmark_layouts.LEFT_EYE)].mean(0) - landmarks[
        list(landmark_layouts.RIGHT_EYE)
    ].mean(0)
    return outline(landmarks, forehead(landmarks, np.array([across[1], -across[0]])))
