# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the sample portrait (NASA's Eileen Collins, public domain) that scikit-image ships."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.types import AtpnError, Image

FACE_CENTER = np.array([224.0, 118.0])
"""Centre of the face in the photograph, (x, y) pixels."""


class SampleImageMissing(AtpnError):
    """scikit-image, which contains the photograph, is not installed."""


def portrait() -> Image:
    """The photograph, (512, 512, 3) BGR.

    Raises:
        SampleImageMissing: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise SampleImageMissing(
            "the portrait comes with scikit-image: pip install scikit-image"
        ) from error
    return np.asarray(cv2.cvtColor(np.asarray(data.astronaut()), cv2.COLOR_RGB2BGR), np.uint8)
