# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the pipeline asks of a face detector, and how its boxes become first crops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from atpn_ros.crop import Crop
from atpn_ros.types import AtpnError, Box, Image


class DetectorError(AtpnError):
    """A detector that is not installed or cannot be loaded."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A face that was found: box in pixels of the image, score 0..1."""

    box: Box
    score: float


class Detector(Protocol):
    """Finds faces in a whole picture."""

    @property
    def name(self) -> str:
        """For status and logs."""
        ...

    def detect(self, image: Image) -> list[Detection]:
        """All faces in a (H, W, 3) BGR picture, best first."""
        ...


def square_of(box: Box) -> Crop:
    """The first crop of a detected face: below the box's middle, since boxes hold the forehead.

    The offset and the size are medians over real detections (Haar and YuNet agree within 4 %).
    """
    side = float(np.sqrt(box.width * box.height))
    return Crop(box.cx, box.cy + 0.148 * side, 1.25 * side)
