# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ATPN's own face detector: a small network that also finds turned, tilted and small faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.detectors.base import Detection
from atpn_ros.detectors.session import open_session
from atpn_ros.odds import log_odds
from atpn_ros.types import Box, Floats, Image

DETECTOR_MODEL = Path(__file__).parents[1] / "weights" / "detector.onnx"
MIN_SCORE = 0.3
"""Faces with a lower score are not reported."""

_EVIDENCE, _NEUTRAL = 4.0, 0.75
"""Slope of a detection's evidence over the log odds of its score, and the score with evidence 0."""

_STRIDE = 8
"""Pixels of the network's input per cell of its output."""
_MULTIPLE = 32
"""Both sides of the input are multiples of this."""
_OVERLAP, _WITHIN = 0.35, 0.6
"""Largest intersection of two boxes over their union, and over the smaller box; above, only the one
with the higher score is kept. Part of a face that fills the image may look like a whole face."""
MIN_FACE = 20.0
"""Side of the smallest face that is searched for, pixels of the image."""
_MIN_FACE_IN_INPUT = 16.0
"""Side of that face in the network's input, pixels: the image is reduced so far."""
_COARSE, _MAX_COARSE = 0.625, 320
"""Longer side of the network's input in a second run, for large faces: as a share of that of the
first run, and its maximum, pixels."""
_ONE_RUN = 64
"""Up to this longer side of its input, pixels, the network runs once. Larger images have two runs,
since the evidence of a score is that of a face seen in both."""
_SUPPORT, _SAME = 0.35, 0.4
"""A face that both runs find, with boxes of at least this intersection over union, is more likely
one: its score rises by this share of the other run's score times what is missing to 1."""
_WEAK = 0.6
"""Share of the lowest score from which a face of one run is compared with those of the other."""
_MAX_INPUT = 1920
"""Longest side of the network's input, pixels."""
_AT_ONCE = 400_000
"""Pixels of the network's inputs up to which all of them are processed in one frame."""
_NS_PER_PIXEL = 100
"""Time per pixel of the network's input on a slow processor. AMD EPYC: 25 to 60."""
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
        runs, reduced, whole = [], image, max(image.shape[:2])
        for side in reversed(input_sides(whole, self._min_face)):
            reduced = _reduce(reduced, side)  # from the larger one, which is quicker
            runs.append(self._run(reduced, side / whole))
        return [
            replace(d, evidence=evidence_of(d.score))
            for d in combined(runs)
            if d.score >= self._min_score
        ]

    def latency_ns(self, height: int, width: int) -> int:
        """How long after an image of this size its faces are wanted, ns; 0: in the same frame."""
        sides = input_sides(max(height, width), self._min_face)
        pixels = sum(side * side for side in sides) * min(height, width) // max(height, width)
        return pixels * _NS_PER_PIXEL if pixels > _AT_ONCE else 0

    def _run(self, reduced: Image, scale: float) -> tuple[Floats, Floats]:
        """Boxes, in pixels of the image, and scores in the image reduced by ``scale``."""
        scores, boxes = self._session.run(["scores", "boxes"], {self._input: _pad(reduced)[None]})
        return decode(scores[0], boxes[0], scale, self._min_score * _WEAK)


def evidence_of(score: float) -> float:
    """Log odds that a detection adds to those of the face network's presence.

    The slope was fitted by logistic regression on composed scenes, the neutral score chosen for a
    number of false faces (docs/detector.md).

    Args:
        score: Of the detection, 0..1.
    """
    return _EVIDENCE * (log_odds(score) - log_odds(_NEUTRAL))


def input_sides(longer: int, min_face: float) -> list[int]:
    """Longer side, in pixels, of the network's input for each of its runs, ascending.

    Args:
        longer: Longer side of the image, pixels.
        min_face: Side of the smallest face that is searched for, pixels of the image.

    >>> input_sides(640, 20.0), input_sides(1280, 20.0), input_sides(120, 20.0)
    ([320, 512], [320, 1024], [60, 96])
    """
    fine = min(longer, _MAX_INPUT, max(32, round(longer * _MIN_FACE_IN_INPUT / max(min_face, 1.0))))
    return [fine] if fine <= _ONE_RUN else [min(round(_COARSE * fine), _MAX_COARSE), fine]


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


def combined(runs: Sequence[tuple[Floats, Floats]]) -> list[Detection]:
    """Faces of several runs of the network, each once, by descending score.

    Args:
        runs: Boxes and scores of each run, see :func:`decode`. A face that another run finds too
            gets a higher score.
    """
    kept = [(b[i], s[i]) for b, s in runs for i in [_suppress(b, s)]]
    scores = []
    for i, (boxes, own) in enumerate(kept):
        raised = own
        for k, (others, theirs) in enumerate(kept):
            if k != i and len(others) and len(boxes):
                overlap = _overlap(boxes, others)
                support = np.where(overlap >= _SAME, theirs, 0.0).max(axis=1)
                raised = raised + _SUPPORT * support * (1 - raised)
        scores.append(raised)
    return distinct(np.concatenate([b for b, _ in kept]), np.concatenate(scores))


def distinct(boxes: Floats, scores: Floats) -> list[Detection]:
    """Remove duplicates from (K, 4) boxes (centres and sides); faces by descending score."""
    return [
        Detection(Box(*(float(v) for v in boxes[i])), float(scores[i]))
        for i in _suppress(boxes, scores)
    ]


def _suppress(boxes: Floats, scores: Floats) -> list[int]:
    """Indices of the boxes that are left, by descending score."""
    order = np.argsort(-scores, kind="stable")
    left = np.ones(len(order), bool)
    low, high = boxes[order, :2] - boxes[order, 2:] / 2, boxes[order, :2] + boxes[order, 2:] / 2
    area = boxes[order, 2] * boxes[order, 3]
    kept = []
    for i in range(len(order)):
        if not left[i]:
            continue
        kept.append(int(order[i]))
        shared = np.minimum(high, high[i]) - np.maximum(low, low[i])
        inter = np.clip(shared, 0, None).prod(axis=1)
        left &= inter <= _OVERLAP * (area + area[i] - inter)
        left &= inter <= _WITHIN * np.minimum(area, area[i])
    return kept


def _overlap(boxes: Floats, others: Floats) -> Floats:
    """(K, L) intersection over union of (K, 4) and (L, 4) boxes, given by centres and sides."""
    a, b = boxes[:, None], others[None]
    high = np.minimum(a[..., :2] + a[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2)
    low = np.maximum(a[..., :2] - a[..., 2:] / 2, b[..., :2] - b[..., 2:] / 2)
    inter = np.clip(high - low, 0, None).prod(axis=-1)
    union: Floats = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - inter
    return np.asarray(inter / np.maximum(union, 1e-9))


def _reduce(image: Image, longer: int) -> Image:
    """The image with a longer side of ``longer`` pixels, or as it is if it is not larger."""
    height, width = image.shape[:2]
    scale = longer / max(height, width)
    if scale >= 1.0:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Down to half the size, linear interpolation leaves no pixel out, and is much quicker.
    way = cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, size, interpolation=way), np.uint8)


def _pad(image: Image) -> Image:
    """The image, in the top left corner of a black one if the network cannot take its sides."""
    height, width = image.shape[:2]
    size = (-(-height // _MULTIPLE) * _MULTIPLE, -(-width // _MULTIPLE) * _MULTIPLE)
    if size == (height, width):
        return np.ascontiguousarray(image)
    canvas = np.zeros((*size, 3), np.uint8)
    canvas[:height, :width] = image
    return canvas
