# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Face detector that uses OpenCV's Haar cascade; it finds upright frontal faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from atpn_ros.detectors.base import Detection, DetectorError
from atpn_ros.types import Box, Image

_FILE = "haarcascade_frontalface_default.xml"
_WIDTH = 320
"""Images are reduced to this width, so that detection time hardly depends on the image size."""
_SMALLEST = 24
"""Side of the smallest face that is found in the reduced image, pixels."""


class HaarDetector:
    """Finds upright frontal faces with OpenCV's Haar cascade.

    Raises:
        DetectorError: The cascade is not installed (opencv-python or opencv-data).
    """

    name = "haar"

    def __init__(self) -> None:
        folders = [Path("/usr/share/opencv4/haarcascades"), Path("/usr/share/opencv/haarcascades")]
        if hasattr(cv2, "data"):
            folders.insert(0, Path(cv2.data.haarcascades))
        path = next((f / _FILE for f in folders if (f / _FILE).is_file()), None)
        if path is None or not hasattr(cv2, "CascadeClassifier"):
            raise DetectorError(
                f"{_FILE} not found: install opencv-python-headless<5 or opencv-data, "
                "or set detector_model to a YuNet .onnx file"
            )
        self._cascade = cv2.CascadeClassifier(str(path))

    def detect(self, image: Image) -> list[Detection]:
        """All faces, by descending score: the margin of the cascade, mapped to 0..1."""
        scale = min(1.0, _WIDTH / max(1, image.shape[1]))
        if min(image.shape[:2]) * scale < _SMALLEST:
            return []
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if scale < 1.0:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        boxes, _, weights = self._cascade.detectMultiScale3(
            cv2.equalizeHist(grey), 1.15, 4, minSize=(_SMALLEST, _SMALLEST), outputRejectLevels=True
        )
        found = [
            Detection(
                Box((x + w / 2) / scale, (y + h / 2) / scale, w / scale, h / scale),
                float(1 - np.exp(-max(0.0, float(weight)) / 3)),
            )
            for (x, y, w, h), weight in zip(boxes, weights, strict=True)
        ]
        return sorted(found, key=lambda d: -d.score)
