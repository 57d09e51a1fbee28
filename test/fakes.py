# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A world without faces: red discs stand for them, and a detector and an engine that see discs."""

import cv2
import numpy as np

from atpn_ros.detectors import Detection
from atpn_ros.engines import BackendError, NetworkOutput
from atpn_ros.geometry import FACING
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Box, Frame

MS = 1_000_000
_FLAT = (MEAN_HEAD @ FACING.T)[:, :2]
_LOW, _HIGH = _FLAT.min(axis=0), _FLAT.max(axis=0)
FACE = (_FLAT - (_LOW + _HIGH) / 2) / ((_HIGH - _LOW).max() / 2)
"""(98, 2) the landmarks of an upright face about (0, 0), the longer side from -1 to 1."""


def scene(*discs, size=(240, 320)):
    """A grey picture with a red disc for each (x, y, radius)."""
    picture = np.full((*size, 3), 90, np.uint8)
    for x, y, radius in discs:
        cv2.circle(
            picture, (round(x * 16), round(y * 16)), round(radius * 16), (0, 0, 255), -1,
            cv2.LINE_AA, 4,
        )  # fmt: skip
    return picture


def frame(n, *discs, frame_id="camera", size=(240, 320), ms=33):
    """Frame n of a camera with a period of ``ms``."""
    return Frame(scene(*discs, size=size), 10**9 + n * ms * MS, frame_id)


def _discs(picture):
    """(x, y, radius) of each red spot."""
    red = (picture[..., 2].astype(int) - picture[..., 1] > 100).astype(np.uint8)
    count, _, stats, centres = cv2.connectedComponentsWithStats(red)
    sizes = [(stats[i, cv2.CC_STAT_AREA], *centres[i]) for i in range(1, count)]
    return [(x, y, np.sqrt(area / np.pi)) for area, x, y in sizes if area > 20]


class DiscDetector:
    """Finds every disc; its box makes the first crop hold the disc in its middle."""

    name = "discs"

    def __init__(self):
        self.calls = 0
        self.blind = False
        self.latency = 0

    def detect(self, image):
        self.calls += 1
        found = [] if self.blind else _discs(image)
        return [Detection(Box(x, y - 0.296 * r, 2 * r, 2 * r), 0.9) for x, y, r in found]

    def latency_ns(self, height, width):
        return self.latency


class DiscEngine:
    """Sees the disc nearest to the middle of a crop, as an upright face that looks at the camera.

    ``change`` may alter each answer before it is given; ``fail`` makes the next call raise.
    """

    name = report = "discs"

    def __init__(self):
        self.batches = []
        self.change = lambda output: output
        self.fail = False

    def run(self, crops):
        self.batches.append(len(crops))
        if self.fail:
            self.fail = False
            raise BackendError("discs: out of order")
        n, size = len(crops), crops.shape[1]
        landmarks, presence = np.full((n, 98, 2), 0.5), np.full(n, 0.02)
        for i, crop in enumerate(crops):
            discs = sorted(_discs(crop), key=lambda d: np.hypot(d[0] - size / 2, d[1] - size / 2))
            if discs:
                x, y, radius = discs[0]
                landmarks[i] = (FACE * radius + (x + 0.5, y + 0.5)) / size
                presence[i] = 0.95
        return self.change(
            NetworkOutput(landmarks, FACING[None].repeat(n, 0), presence, np.full((n, 98), 0.01))
        )
