# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluates the node's whole pipeline on a labelled sequence: tracking and landmark accuracy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.detectors.base import Detector
from atpn_ros.engines.base import Engine
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.learning.evaluation.landmark_pairs import pair_landmarks
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.learning.evaluation.tracking_metrics import (
    TrackingMetrics,
    TrueFace,
    match,
    tracking_metrics,
)
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.types import Box, FaceState, Floats, Frame, Image

_VISIBLE = 0.35
"""Share of a face's points that must be visible for it to count: a profile shows about half."""


@dataclass(frozen=True, slots=True)
class SequenceMetrics:
    """Of one sequence.

    Attributes:
        identity: Accuracy of the ids.
        nme: Percent, over tracked faces.
        detector: The detector that started the tracks.
    """

    identity: TrackingMetrics
    nme: Estimate | None
    detector: str


@dataclass(frozen=True, slots=True)
class TrueFrame:
    """Labels of one frame, by person.

    Attributes:
        stamp_ns: Time of the frame.
        faces: Boxes, and whether they must be found.
        landmarks: (98, 2) pixels.
        rotations: (3, 3), from the head to a camera whose axis points at the face.
    """

    stamp_ns: int
    faces: dict[int, TrueFace]
    landmarks: dict[int, Floats]
    rotations: dict[int, Floats]


def evaluate_sequence(folder: Path, engine: Engine, detector: Detector) -> SequenceMetrics:
    """Run the pipeline over a sequence as ``atpn synth --sequence`` writes it (frames or video).

    Raises:
        DataError: It cannot be read; names the file and the field.
    """
    pipeline = FacePipeline(engine, detector, PipelineSettings())
    truth: list[dict[int, TrueFace]] = []
    found: list[dict[int, Box]] = []
    errors: list[float] = []
    lines = read_truth(folder)
    for known, image in zip(lines, read_images(folder, len(lines)), strict=True):
        result = pipeline.process(Frame(image, known.stamp_ns))
        held = {f.id: f for f in result.faces if f.state is not FaceState.LOST}
        boxes = {i: f.box for i, f in held.items()}
        for person, track in match(known.faces, boxes, {}).items():
            points = held[track].landmarks
            if points is not None and known.faces[person].counts:
                pair = pair_landmarks(points[None], WFLW98, known.landmarks[person][None], WFLW98)
                errors.append(float(pair["raw"].distances().mean()))
        truth.append(known.faces)
        found.append(boxes)
    return SequenceMetrics(
        tracking_metrics(truth, found), estimate(np.array(errors)), detector.name
    )


def read_truth(folder: Path) -> list[TrueFrame]:
    """The labels of a sequence's frames.

    Raises:
        DataError: They cannot be read; names the file and the field.
    """
    path = folder / "truth.jsonl"
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}") from error
    out = []
    for number, line in enumerate(lines, 1):
        try:
            out.append(_true_frame(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: line {number}: {error!r}") from error
    if not out:
        raise DataError(f"{path}: holds no frame")
    return out


def _true_frame(record: dict[str, Any]) -> TrueFrame:
    width, height = record["size"]
    faces, landmarks, rotations = {}, {}, {}
    for face in record["faces"]:
        points = np.asarray(face["landmarks98"], np.float64)
        if points.shape != (98, 2) or not np.isfinite(points).all():
            raise ValueError(f"landmarks98: {points.shape}, expected (98, 2), all finite")
        box = Box.from_xyxy(*face["box_xyxy"])
        inside = 0 <= box.cx < width and 0 <= box.cy < height
        share = float(np.mean(face["visible98"]))
        faces[int(face["id"])] = TrueFace(box, inside and share >= _VISIBLE)
        landmarks[int(face["id"])] = points
        rotations[int(face["id"])] = np.asarray(face["crop_rotation"], np.float64).reshape(3, 3)
    return TrueFrame(int(record["stamp_ns"]), faces, landmarks, rotations)


def read_images(folder: Path, count: int) -> Iterator[Image]:
    """The frames of a sequence, from its video or its pictures.

    Raises:
        DataError: One cannot be read; names the file.
    """
    video = folder / "video.mp4"
    if video.is_file():
        capture = cv2.VideoCapture(str(video))
        for number in range(count):
            done, image = capture.read()
            if not done:
                raise DataError(f"{video}: ends after {number} of {count} frames")
            yield np.asarray(image, np.uint8)
        return
    for number in range(count):
        path = folder / "images" / f"{number:06d}.png"
        image = cv2.imread(str(path))
        if image is None:
            raise DataError(f"{path}: missing or not an image")
        yield np.asarray(image, np.uint8)
