# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Recall of a face detector by the size of the faces, on pictures with labelled boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from atpn_ros.detectors.base import Detector
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.learning.evaluation.tracking_metrics import TrueFace, match
from atpn_ros.types import Box

SIZES: Mapping[str, tuple[float, float]] = {
    "small, 10-50 px": (10.0, 50.0),
    "medium, 50-300 px": (50.0, 300.0),
    "large, over 300 px": (300.0, float("inf")),
}
"""Heights of faces in pixels, as WIDER FACE groups them (arXiv 1511.06523)."""


@dataclass(frozen=True, slots=True)
class DetectionMetrics:
    """Of one detector on one data set.

    Attributes:
        detector: Its name.
        recall: Percent of all counted faces that were found.
        by_size: Percent of the faces of each of :data:`SIZES`.
        false_per_picture: Mean number of detections on no face.
        pictures: Number of pictures.
    """

    detector: str
    recall: Estimate | None
    by_size: Mapping[str, Estimate | None]
    false_per_picture: float
    pictures: int


def evaluate_detector(detector: Detector, faces: Sequence[LabelledFace]) -> DetectionMetrics:
    """Count which labelled faces a detector finds.

    A detection and a face match from an intersection over union of 0.5, one to one. Faces that
    are tagged ``invalid`` or less than 10 pixels high count neither as missed nor as false.

    Args:
        detector: To evaluate.
        faces: With boxes; those of one picture follow each other.
    """
    found: list[float] = []
    heights: list[float] = []
    false = pictures = 0
    for _, group in groupby(faces, key=lambda face: face.picture):
        labelled = list(group)
        boxes = [(f.box, "invalid" not in f.tags) for f in labelled if f.box is not None]
        there = {i: TrueFace(box, _counts(box, valid)) for i, (box, valid) in enumerate(boxes)}
        detections = dict(enumerate(d.box for d in detector.detect(labelled[0].image)))
        pairs = match(there, detections, {})
        for i, face in there.items():
            if face.counts:
                found.append(100.0 * (i in pairs))
                heights.append(face.box.height)
        false += len(detections) - len(pairs)
        pictures += 1
    hits, sizes = np.array(found), np.array(heights)
    by_size = {
        name: estimate(hits[(sizes >= low) & (sizes < high)]) for name, (low, high) in SIZES.items()
    }
    return DetectionMetrics(
        detector.name, estimate(hits), by_size, false / pictures if pictures else 0.0, pictures
    )


def _counts(box: Box, valid: bool) -> bool:
    return valid and box.height >= SIZES["small, 10-50 px"][0]
