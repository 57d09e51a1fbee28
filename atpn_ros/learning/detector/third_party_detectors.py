# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads third-party detectors from their ONNX files for comparison."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from atpn_ros.detectors import Detection
from atpn_ros.detectors.session import open_session
from atpn_ros.types import Box, Image

_SIZE = (320, 240)


class RfbDetector:
    """Ultra-Light-Fast RFB-320: boxes come decoded, as shares of the picture.

    Args:
        model: The ``.onnx`` file with inputs of 320x240.
        min_score: Faces below are not reported.

    Raises:
        DetectorError: ONNX Runtime is missing, or the file is no such model.
    """

    name = "rfb320"

    def __init__(self, model: Path, min_score: float = 0.7) -> None:
        self._session = open_session(model, {"scores", "boxes"}, "RFB-320")
        self._input = self._session.get_inputs()[0].name
        self._min_score = min_score

    def detect(self, image: Image) -> list[Detection]:
        """All faces, best first."""
        height, width = image.shape[:2]
        small = cv2.cvtColor(cv2.resize(image, _SIZE), cv2.COLOR_BGR2RGB)
        blob = ((small.astype(np.float32) - 127.0) / 128.0).transpose(2, 0, 1)[None]
        scores, corners = self._session.run(["scores", "boxes"], {self._input: blob})
        keep = scores[0, :, 1] >= self._min_score
        sure, boxes = scores[0, keep, 1], corners[0, keep] * (width, height, width, height)
        if not len(sure):
            return []
        upright = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
        chosen = cv2.dnn.NMSBoxes(upright.tolist(), sure.tolist(), self._min_score, 0.3)
        return [
            Detection(Box.from_xyxy(*(float(v) for v in boxes[i])), float(sure[i]))
            for i in np.asarray(chosen).ravel()
        ]

    def latency_ns(self, height: int, width: int) -> int:
        """0: the input has the same size for all images."""
        return 0
