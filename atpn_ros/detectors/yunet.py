# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Face detector that runs a YuNet ONNX file, which is not part of this package."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from atpn_ros.detectors.base import Detection, DetectorError
from atpn_ros.detectors.session import open_session
from atpn_ros.files import PublishedFile, cache_folder
from atpn_ros.types import Box, Floats, Image

PUBLISHED = PublishedFile(
    name="face_detection_yunet_2023mar.onnx",
    url="https://media.githubusercontent.com/media/opencv/opencv_zoo/"
    "966be4cb6eefc2a4f586ed0581bf4bbaa2533070/models/face_detection_yunet/"
    "face_detection_yunet_2023mar.onnx",
    size=232_589,
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    about="YuNet, the face detector of OpenCV's model zoo (MIT licence, 0.2 MB)",
)
"""What ``atpn fetch yunet`` downloads: its size and digest are those of the zoo's Git LFS pointer.
Its input is 640 by 640 pixels."""

_STRIDES = (8, 16, 32)


def cached_model() -> Path:
    """Where ``atpn fetch yunet`` puts the model, in the user's cache."""
    return cache_folder("detectors") / PUBLISHED.name


def verified_cached_model() -> Path:
    """The model in the user's cache.

    Raises:
        DetectorError: It is not there, or is damaged.
    """
    path = cached_model()
    if not path.is_file():
        raise DetectorError(f"detector_model yunet: no {path}: run 'atpn fetch yunet' once")
    if not PUBLISHED.is_intact(path):
        raise DetectorError(f"{path}: damaged: run 'atpn fetch yunet' again")
    return path


class YuNetDetector:
    """Finds faces with YuNet, whose input size may be fixed or dynamic.

    Args:
        model: The ``.onnx`` file, as OpenCV's model zoo publishes it.
        min_score: Faces with a lower score are not reported.

    Raises:
        DetectorError: ONNX Runtime is missing, or the file is not a YuNet.
    """

    name = "yunet"

    def __init__(self, model: Path, min_score: float = 0.6) -> None:
        self._outputs = [f"{part}_{s}" for part in ("cls", "obj", "bbox") for s in _STRIDES]
        self._session = open_session(model, set(self._outputs), "YuNet")
        source = self._session.get_inputs()[0]
        self._input = source.name
        fixed = source.shape[2:]
        self._size = (
            (int(fixed[1]), int(fixed[0])) if all(isinstance(v, int) for v in fixed) else None
        )
        self._min_score = min_score

    def detect(self, image: Image) -> list[Detection]:
        """All faces, by descending score."""
        canvas, scale = self._fit(image)
        blob = canvas.transpose(2, 0, 1)[None].astype(np.float32)
        values = self._session.run(self._outputs, {self._input: blob})
        scores, boxes = _decode(values, canvas.shape[1])
        keep = scores >= self._min_score
        scores, boxes = scores[keep], boxes[keep] / scale
        if not len(scores):
            return []
        corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)
        chosen = cv2.dnn.NMSBoxes(corners.tolist(), scores.tolist(), self._min_score, 0.3)
        return [
            Detection(Box(*(float(v) for v in boxes[i])), float(scores[i]))
            for i in np.asarray(chosen).ravel()
        ]

    def latency_ns(self, height: int, width: int) -> int:
        """0: the input has the same size for all images."""
        return 0

    def _fit(self, image: Image) -> tuple[Image, float]:
        """The image in the top left corner of the network's input, and its scale there."""
        height, width = image.shape[:2]
        # A dynamic input is 320 pixels wide; its height is a multiple of the largest stride, and
        # limited: an image of one column would otherwise need a gigabyte.
        size = self._size or (320, min(640, max(32, round(320 * height / width / 32) * 32)))
        scale = min(size[0] / width, size[1] / height)
        w, h = max(1, int(width * scale)), max(1, int(height * scale))
        canvas = np.zeros((size[1], size[0], 3), np.uint8)
        canvas[:h, :w] = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
        return canvas, scale


def _decode(values: list[Floats], width: int) -> tuple[Floats, Floats]:
    """(K,) scores and (K, 4) centre-and-size boxes of all strides' anchors."""
    scores, boxes = [], []
    for i, stride in enumerate(_STRIDES):
        cls, obj, box = (values[part * len(_STRIDES) + i][0] for part in range(3))
        columns = width // stride
        index = np.arange(len(box))
        corner = np.stack([index % columns, index // columns], axis=1)
        scores.append(np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))[:, 0])
        boxes.append(np.concatenate([corner + box[:, :2], np.exp(box[:, 2:4])], axis=1) * stride)
    return np.concatenate(scores), np.concatenate(boxes)
