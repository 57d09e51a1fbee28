# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ATPN's own face detector: a small network that also finds turned, tilted and small faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from atpn_ros.detectors.base import Detection
from atpn_ros.detectors.session import open_session
from atpn_ros.types import Box, Floats, Image

DETECTOR_MODEL = Path(__file__).parents[1] / "weights" / "detector.onnx"
MIN_SCORE = 0.5
"""Faces with a lower score are not reported."""

_STRIDE = 8
"""Pixels of the network's input per cell of its output."""
_MULTIPLE = 32
"""Both sides of the input are multiples of this."""
_OVERLAP, _WITHIN = 0.35, 0.6
"""Largest intersection of two boxes over their union, and over the smaller box; above, only the one
with the higher score is kept. Part of a face that fills the image may look like a whole face."""
MIN_FACE = 20.0
"""Side of the smallest face that is searched for, pixels of the image."""
_MIN_FACE_IN_INPUT = 14.0
"""Side of that face in the network's input, pixels: the image is reduced so far."""
_COARSE_INPUT = 160
"""Longer side, in pixels, of a second run of the network, for faces that fill the image."""
_MAX_INPUT = 1920
"""Longest side of the network's input, pixels."""
_MAX_CANDIDATES = 300
"""Only the cells with the highest scores are decoded: a face that fills the image is found in
hundreds of them."""


class AtpnDetector:
    """Finds small and large faces, including turned and tilted ones.

    The network runs on the image at two scales: large enough for the smallest face that is searched
    for, and small, for faces that fill the image.

    Args:
        model: The ONNX file.
        min_score: Faces with a lower score are not reported.
        min_face: Side of the smallest face that is searched for, pixels of the image. Half of it
            takes four times as long.

    Raises:
        DetectorError: ONNX Runtime is missing, or the file is not such a detector.
    """

    name = "atpn"

    def __init__(
        self,
        model: Path = DETECTOR_MODEL,
        min_score: float = MIN_SCORE,
        min_face: float = MIN_FACE,
    ) -> None:
        self._session = open_session(model, {"scores", "boxes"}, "detector of atpn_ros")
        self._input = self._session.get_inputs()[0].name
        self._min_score, self._min_face = min_score, min_face

    def detect(self, image: Image) -> list[Detection]:
        """All faces, by descending score."""
        sides = input_sides(max(image.shape[:2]), self._min_face)
        found = [self._detect_at(image, side) for side in sides]
        boxes, scores = (np.concatenate(part) for part in zip(*found, strict=True))
        return distinct(boxes, scores)

    def _detect_at(self, image: Image, longer: int) -> tuple[Floats, Floats]:
        """Boxes and scores in the image reduced to a longer side of ``longer`` pixels."""
        canvas, scale = _fit(image, longer)
        scores, boxes = self._session.run(["scores", "boxes"], {self._input: canvas[None]})
        return decode(scores[0], boxes[0], scale, self._min_score)


def input_sides(longer: int, min_face: float) -> list[int]:
    """Longer side, in pixels, of the network's input for each of its runs, ascending.

    Args:
        longer: Longer side of the image, pixels.
        min_face: Side of the smallest face that is searched for, pixels of the image.

    >>> input_sides(640, 20.0), input_sides(1280, 20.0), input_sides(120, 20.0)
    ([160, 448], [160, 896], [84])
    """
    fine = min(longer, _MAX_INPUT, max(32, round(longer * _MIN_FACE_IN_INPUT / max(min_face, 1.0))))
    return [fine] if fine <= 1.5 * _COARSE_INPUT else [_COARSE_INPUT, fine]


def decode(scores: Floats, cells: Floats, scale: float, min_score: float) -> tuple[Floats, Floats]:
    """Decode the network's output.

    Args:
        scores: (H, W) probability that the centre of a face is in each cell.
        cells: (4, H, W) box of that face: offset of its centre from the centre of the cell, and
            logarithms of width and height, all in cells.
        scale: Pixels of the network's input per pixel of the image.
        min_score: Cells with a lower score are left out.

    Returns:
        (K, 4) centres and sides of boxes in pixels of the image, and (K,) scores, descending.
    """
    rows, columns = np.nonzero(scores >= min_score)
    sure = scores[rows, columns]
    order = np.argsort(-sure, kind="stable")[:_MAX_CANDIDATES]
    rows, columns, sure = rows[order], columns[order], sure[order]
    dx, dy, log_w, log_h = cells[:, rows, columns]
    centre = np.stack([columns + 0.5 + dx, rows + 0.5 + dy], axis=1)
    sides = np.exp(np.clip(np.stack([log_w, log_h], axis=1), -3, 6))
    return np.concatenate([centre, sides], axis=1) * (_STRIDE / scale), sure


def distinct(boxes: Floats, sure: Floats) -> list[Detection]:
    """Non-maximum suppression of (K, 4) boxes (centres and sides) with (K,) scores."""
    order = np.argsort(-sure, kind="stable")
    boxes, sure = boxes[order], sure[order]
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    area = boxes[:, 2] * boxes[:, 3]
    left = np.ones(len(boxes), bool)
    found = []
    for i in range(len(boxes)):
        if not left[i]:
            continue
        found.append(Detection(Box(*(float(v) for v in boxes[i])), float(sure[i])))
        shared = np.minimum(high, high[i]) - np.maximum(low, low[i])
        inter = np.clip(shared, 0, None).prod(axis=1)
        left &= inter <= _OVERLAP * (area + area[i] - inter)
        left &= inter <= _WITHIN * np.minimum(area, area[i])
    return found


def _fit(image: Image, longer: int) -> tuple[Image, float]:
    """The image in the top left corner of the network's input, and its scale there."""
    height, width = image.shape[:2]
    scale = min(1.0, longer / max(height, width))
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.zeros((-(-h // _MULTIPLE) * _MULTIPLE, -(-w // _MULTIPLE) * _MULTIPLE, 3), np.uint8)
    small = image if scale == 1.0 else cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    canvas[:h, :w] = small
    return canvas, scale
