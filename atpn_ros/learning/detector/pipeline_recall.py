# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures a detector on labelled images, alone and with the whole tracking pipeline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from atpn_ros.detectors import Detection, Detector
from atpn_ros.engines import Engine
from atpn_ros.learning.data.sprites import FOREHEAD
from atpn_ros.learning.detector import detection_counts
from atpn_ros.learning.detector.detection_counts import Count, Rate
from atpn_ros.learning.detector.labelled_images import LabelledPicture
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.types import Box, Face, FaceState, Frame, Image

FRAMES = 10
"""Times that the pipeline processes each picture."""
_STEP_NS = 100_000_000
_MOST = 64
"""Largest number of tracks: pictures of groups have many faces."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One detector on some pictures.

    Attributes:
        name: Of the detector.
        alone: Counts of the detections of each picture.
        held: Counts of the faces that the pipeline still tracks at the last frame, of each picture;
            None if it was not measured.
        milliseconds: Median time of a detection.
        finds: The detections' boxes of each picture.
    """

    name: str
    alone: list[Count]
    held: list[Count] | None
    milliseconds: float
    finds: list[list[Box]]


def measure(
    detector: Detector,
    pictures: Sequence[LabelledPicture],
    engine: Engine | None = None,
    settings: PipelineSettings | None = None,
) -> Outcome:
    """Count a detector's detections, and with an engine the faces that the pipeline tracks.

    Args:
        detector: At the score with which it is used.
        pictures: Read one by one.
        engine: Runs the face network; None to measure the detector alone.
        settings: Of the pipeline, except the number of faces.
    """
    alone, held, times, boxes = [], [], [], []
    for picture in pictures:
        image = picture.read()
        began = time.perf_counter()
        finds = detector.detect(image)
        times.append((time.perf_counter() - began) * 1e3)
        boxes.append([d.box for d in finds])
        alone.append(detection_counts.count(boxes[-1], picture.faces, picture.ignored))
        if engine is not None:
            tracked = hold(image, finds, detector.name, engine, settings or PipelineSettings())
            held.append(detection_counts.count(tracked, picture.faces, picture.ignored))
    milliseconds = float(np.median(times)) if times else float("nan")
    return Outcome(detector.name, alone, held if engine is not None else None, milliseconds, boxes)


@dataclass(frozen=True, slots=True)
class _Known:
    """A detector that returns given detections, since equal frames have equal faces."""

    name: str
    finds: list[Detection]

    def detect(self, image: Image) -> list[Detection]:
        """The same as before."""
        return self.finds

    def latency_ns(self, height: int, width: int) -> int:
        """0: nothing is computed."""
        return 0


def hold(
    image: Image,
    finds: list[Detection],
    name: str,
    engine: Engine,
    settings: PipelineSettings,
    frames: int = FRAMES,
) -> list[Box]:
    """Boxes of the faces that are tracked after equal frames, the highest presence first.

    Each is the published box of the track's landmarks with the forehead added, since labelled boxes
    end at the hair; it is closer to these than the box of the detection.
    """
    tracker = replace(settings.tracker, max_faces=_MOST)
    pipeline = FacePipeline(engine, _Known(name, finds), replace(settings, tracker=tracker))
    faces: tuple[Face, ...] = ()
    for i in range(frames):
        faces = pipeline.process(Frame(image, i * _STEP_NS)).faces
    kept = [f for f in faces if f.state is not FaceState.LOST]
    return [with_forehead(f.box) for f in sorted(kept, key=lambda f: -f.presence)]


def with_forehead(box: Box) -> Box:
    """The box of landmarks, which ends at the brows, as labelled boxes are: up to the hair.

    The box's height is the distance from the upper brow to the chin.
    """
    more = FOREHEAD * box.height
    return Box(box.cx, box.cy - more / 2, box.width, box.height + more)


def table(outcomes: Sequence[Outcome]) -> str:
    """Recall by size and false detections, alone and held, with intervals of 95 %."""
    rows = [["detector", "", *detection_counts.bin_names(), "all", "false per picture", "ms"]]
    for outcome in outcomes:
        rows.append(_row(outcome.name, "alone", outcome.alone, f"{outcome.milliseconds:.1f}"))
        if outcome.held is not None:
            rows.append(_row("", "held", outcome.held, ""))
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(v.ljust(w) for v, w in zip(r, widths, strict=True)).rstrip() for r in rows
    )


def _row(name: str, kind: str, counts: Sequence[Count], time_ms: str) -> list[str]:
    rates = [detection_counts.recall(counts, a, b) for a, b in pairwise(detection_counts.BINS)]
    cells = [
        _percent(r) for r in (*rates, detection_counts.recall(counts, detection_counts.BINS[0]))
    ]
    false = detection_counts.false_per_picture(counts)
    return [name, kind, *cells, f"{false.value:.3f} ({false.low:.3f}-{false.high:.3f})", time_ms]


def _percent(rate: Rate) -> str:
    if rate.number == 0:
        return "-"
    return f"{100 * rate.value:.0f} ({100 * rate.low:.0f}-{100 * rate.high:.0f})"
