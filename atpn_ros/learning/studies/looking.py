# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures how often the pipeline decides that a person looks at the camera, by the true gaze.

``python -m atpn_ros.learning.studies.looking --photographs FOLDER ... --clips FILE ...``

Photographs are those of ``lens`` data sets: held-out people who look into the lens and, where there
are hand-placed points, the same people with turned irises. Clips have no ground truth: their table
shows the share of faces that look, and how often the decision changes, compared with a threshold
without hysteresis and delay.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from atpn_ros.drawing.video import VideoReader
from atpn_ros.engines import LoadControl
from atpn_ros.learning.data.datasets.camera_gaze import read_lens
from atpn_ros.learning.data.eyes import INTO_LENS
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.pipeline.looking import angle_between_directions
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.runtime import load_pipeline
from atpn_ros.settings import Settings
from atpn_ros.types import Frame, Gaze

BINS = (0.0, 1.0, 5.0, 10.0, 15.0, 20.0, 30.0)
"""Borders of the true angles to the lens, degrees."""


@dataclass(frozen=True, slots=True)
class PhotographRow:
    """Faces whose true angle to the lens lies between two borders, in degrees."""

    low: float
    high: float
    faces: int
    missed: int
    looking: int


@dataclass(frozen=True, slots=True)
class ClipRow:
    """Faces of a clip, and how often the decision changed, per minute of a tracked face."""

    name: str
    faces: int
    looking: float
    changes: float
    threshold_changes: float


def measure_photographs(
    faces: Iterable[LabelledFace], new_pipeline: Callable[[], FacePipeline]
) -> list[PhotographRow]:
    """Process each photograph as the first image of a camera, and count by the true angle."""
    decisions: list[tuple[float, bool | None]] = []
    for face in faces:
        if face.gaze is None:
            continue
        true = angle_between_directions(face.gaze.mean(axis=0), INTO_LENS[0]) or 0.0
        found = new_pipeline().process(Frame(face.image, 0)).faces
        largest = max(found, key=lambda f: f.box.width * f.box.height, default=None)
        gaze = None if largest is None else largest.gaze
        decisions.append((math.degrees(true), None if gaze is None else gaze.looking))
    rows = []
    for low, high in pairwise(BINS):
        looks = [looking for angle, looking in decisions if low <= angle < high]
        if looks:
            found_looks = [looking for looking in looks if looking is not None]
            missed = len(looks) - len(found_looks)
            rows.append(PhotographRow(low, high, len(looks), missed, sum(found_looks)))
    return rows


def measure_clip(name: str, frames: Iterable[Frame], pipeline: FacePipeline) -> ClipRow:
    """Process a clip, and count the changes of the decision and of a plain threshold."""
    gazes: dict[int, list[tuple[int, Gaze]]] = {}
    for frame in frames:
        for face in pipeline.process(frame).faces:
            if face.gaze is not None:
                gazes.setdefault(face.id, []).append((frame.stamp_ns, face.gaze))
    limit = pipeline.settings.estimator.looking.angle
    seconds = sum(track[-1][0] - track[0][0] for track in gazes.values()) / 1e9
    minutes = max(seconds, 1e-9) / 60

    def changes(decide: Callable[[Gaze], bool]) -> float:
        pairs = (pair for track in gazes.values() for pair in pairwise(track))
        return sum(decide(a) != decide(b) for (_, a), (_, b) in pairs) / minutes

    everyone = [gaze.looking for track in gazes.values() for _, gaze in track]
    return ClipRow(
        name,
        len(everyone),
        float(np.mean(everyone)) if everyone else math.nan,
        changes(lambda g: g.looking),
        changes(lambda g: _angle(g) < math.hypot(limit, g.spread)),
    )


def _angle(gaze: Gaze) -> float:
    return math.inf if gaze.angle_to_target is None else gaze.angle_to_target


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables in Markdown."""
    parser = argparse.ArgumentParser(description="Measures looking at the camera.")
    parser.add_argument("--photographs", type=Path, nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], metavar="FILE")
    args = parser.parse_args(arguments)
    settings = Settings(max_faces=8)
    with load_pipeline(settings, LoadControl()) as loaded:
        if args.photographs:
            print("| photographs | true angle to the lens | faces | not found | looking |")
            print("|---|---|---|---|---|")
        for folder in args.photographs:
            faces = read_lens(folder, "test")
            if faces[0].points is not None:
                faces += read_lens(folder, "turned")
            for row in measure_photographs(faces, lambda: loaded.new_pipeline(settings)):
                share = 100 * row.looking / max(1, row.faces - row.missed)
                print(
                    f"| {folder.name} | {row.low:g} to {row.high:g} | {row.faces} | {row.missed}"
                    f" | {share:.0f} % |",
                    flush=True,
                )
        if args.clips:
            print("| clip | faces | looking | changes a minute | with a plain threshold |")
            print("|---|---|---|---|---|")
        for path in args.clips:
            with closing(VideoReader(str(path))) as clip:
                seen = measure_clip(path.name, clip, loaded.new_pipeline(settings))
            print(
                f"| {seen.name} | {seen.faces} | {100 * seen.looking:.0f} % | {seen.changes:.0f}"
                f" | {seen.threshold_changes:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
