# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The interface of all face detectors, and the first crop of a detected face."""

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
    """A detected face.

    Attributes:
        box: Pixels of the image.
        score: 0..1.
        evidence: Log odds that the score adds to those of the face network's presence for the same
            face. 0 for detectors whose scores were not calibrated for it.
    """

    box: Box
    score: float
    evidence: float = 0.0


class Detector(Protocol):
    """Finds faces in a whole image."""

    @property
    def name(self) -> str:
        """Name of the detector, for status messages and logs."""
        ...

    def detect(self, image: Image) -> list[Detection]:
        """All faces in an (H, W, 3) uint8 BGR image, by descending score; in any thread."""
        ...

    def latency_ns(self, height: int, width: int) -> int:
        """How long after an image of this size its faces are wanted, ns; 0: in the same frame.

        About what :meth:`detect` takes on a slow processor. It depends on the size alone, so that
        results can be repeated.
        """
        ...


def square_of(box: Box) -> Crop:
    """The first crop of a detected face: below the centre of the box, which includes the forehead.

    The offset and the size are medians over detections of two detectors, which agree within 4 %.
    """
    side = float(np.sqrt(box.width * box.height))
    return Crop(box.cx, box.cy + 0.148 * side, 1.25 * side)
