# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The package's own detector: one small network, through ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from atpn_ros.detectors.base import Detection
from atpn_ros.detectors.session import open_session
from atpn_ros.types import Box, Floats, Image

DETECTOR_MODEL = Path(__file__).parents[1] / "models" / "detector.onnx"
MIN_SCORE = 0.5
"""Faces below are not reported."""

_STRIDE = 8
"""Pixels of the network's input per cell of its output."""
_MULTIPLE = 32
"""Both sides of the input are multiples of this."""
_OVERLAP, _WITHIN = 0.35, 0.6
"""Of two boxes that overlap by more than this the surer one is kept: over their union, over the
smaller one. Part of a face that fills the picture may look like a face by itself."""
MIN_FACE = 20.0
"""Side of the smallest face that is looked for, pixels of the picture."""
_LEAST = 14.0
"""Side that such a face has in the network's input: the picture is shrunk so far."""
_COARSE = 160
"""Longer side, in pixels, of a second look, for faces that fill the picture."""
_LARGEST = 1920
"""No look is larger than this."""
_MOST = 300
"""Candidates looked at, the surest: hundreds of cells answer for a face as large as the picture."""


class AtpnDetector:
    """Finds small and large faces, turned and tilted ones too.

    The picture is looked at twice: so large that the smallest wanted face can be told, and small.

    Args:
        model: The ONNX file.
        min_score: Faces below are not reported.
        min_face: Side of the smallest face that is looked for, pixels of the picture. Half of it
            costs four times the time.

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
        """All faces, best first."""
        looks = [self._look(image, s) for s in looks_at(max(image.shape[:2]), self._min_face)]
        boxes, sure = (np.concatenate(part) for part in zip(*looks, strict=True))
        return distinct(boxes, sure)

    def _look(self, image: Image, longer: int) -> tuple[Floats, Floats]:
        canvas, scale = _fit(image, longer)
        scores, boxes = self._session.run(["scores", "boxes"], {self._input: canvas[None]})
        return decode(scores[0], boxes[0], scale, self._min_score)


def looks_at(longer: int, min_face: float) -> list[int]:
    """Longer side, in pixels, of each look at a picture, the smallest first.

    Args:
        longer: Of the picture.
        min_face: Side of the smallest wanted face, pixels of the picture.

    >>> looks_at(640, 20.0), looks_at(1280, 20.0), looks_at(640, 10.0), looks_at(120, 20.0)
    ([160, 448], [160, 896], [160, 640], [84])
    """
    fine = min(longer, _LARGEST, max(32, round(longer * _LEAST / max(min_face, 1.0))))
    return [fine] if fine <= 1.5 * _COARSE else [_COARSE, fine]


def decode(scores: Floats, cells: Floats, scale: float, min_score: float) -> tuple[Floats, Floats]:
    """(K, 4) middles and sides in pixels of the picture, and (K,) scores, of the network's answer.

    Args:
        scores: (H, W) how surely a face's middle lies in each cell.
        cells: (4, H, W) that face's box: its middle's offset from the cell's, and the logarithms
            of its width and height, in cells.
        scale: Pixels of the network's input per pixel of the picture.
        min_score: Cells below are left out.
    """
    rows, columns = np.nonzero(scores >= min_score)
    sure = scores[rows, columns]
    order = np.argsort(-sure, kind="stable")[:_MOST]
    rows, columns, sure = rows[order], columns[order], sure[order]
    dx, dy, log_w, log_h = cells[:, rows, columns]
    middle = np.stack([columns + 0.5 + dx, rows + 0.5 + dy], axis=1)
    sides = np.exp(np.clip(np.stack([log_w, log_h], axis=1), -3, 6))
    return np.concatenate([middle, sides], axis=1) * (_STRIDE / scale), sure


def distinct(boxes: Floats, sure: Floats) -> list[Detection]:
    """Each face once, best first, of (K, 4) middles and sides and their (K,) scores."""
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
    """The picture in the top left corner of the network's input, and by how much it shrank."""
    height, width = image.shape[:2]
    scale = min(1.0, longer / max(height, width))
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.zeros((-(-h // _MULTIPLE) * _MULTIPLE, -(-w // _MULTIPLE) * _MULTIPLE, 3), np.uint8)
    small = image if scale == 1.0 else cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    canvas[:h, :w] = small
    return canvas, scale
