# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""NASA's portrait of Eileen Collins (public domain), as scikit-image ships it."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.types import AtpnError, Image

FACE = np.array([224.0, 118.0])
"""The middle of the face, pixels of the photograph."""


class NoPortrait(AtpnError):
    """The photograph is not installed."""


def portrait() -> Image:
    """(512, 512, 3) BGR picture.

    Raises:
        NoPortrait: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise NoPortrait(
            "the portrait comes with scikit-image: pip install scikit-image"
        ) from error
    return np.asarray(cv2.cvtColor(np.asarray(data.astronaut()), cv2.COLOR_RGB2BGR), np.uint8)
