# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compares tracking by the node's pipeline and by MediaPipe Face Mesh: ids, lost time, jitter.

Both process the same frames: rendered sequences of moving people, with known ids; clips of which
only the number of people is known; and still photographs with new noise in every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from atpn_ros.landmark_layouts import to_ibug68
from atpn_ros.learning.evaluation.face_trackers import FaceTracker, TrackedFaces
from atpn_ros.learning.evaluation.sequences import TrueFrame, read_images, read_truth
from atpn_ros.learning.evaluation.step_errors import (
    FaceShape,
    Jitter,
    StepError,
    common_jitter,
    step_error,
    still_step,
)
from atpn_ros.learning.evaluation.stored_tracks import stored_tracks
from atpn_ros.learning.evaluation.tracking_metrics import (
    TrackingMetrics,
    TrueFace,
    match,
    tracking_metrics,
)
from atpn_ros.learning.evaluation.tracking_times import (
    CountedTracks,
    TrackingTimes,
    counted_tracks,
    recall_by_size,
    tracking_times,
)
from atpn_ros.learning.studies.tracking_plan import Frames, TrackingPlan, clip_frames, stills
from atpn_ros.types import Box

ALL = "all"
"""Name of all sequences together."""

_ID_OFFSET = 10_000
"""Between the ids of two sequences that are evaluated together."""


@dataclass(frozen=True, slots=True)
class SystemReport:
    """Results of one system; jitter over the steps that all systems have.

    Attributes:
        sequences: Ids and times of each sequence, by name, and of all together as
            :data:`ALL`.
        moving: Jitter of the people of the sequences.
        still: Jitter of the still photographs.
        clips: By name.
        recall: Percent and number of faces of all sequences, by size in pixels.
    """

    sequences: Mapping[str, tuple[TrackingMetrics, TrackingTimes]]
    moving: Jitter
    still: Jitter
    clips: Mapping[str, CountedTracks]
    recall: Mapping[str, tuple[float, int]]


Steps = dict[tuple[object, ...], StepError]


def run_study(
    plan: TrackingPlan, data: Path, out: Path, trackers: Sequence[FaceTracker],
    report: Callable[[str], None] = print,
) -> dict[str, SystemReport]:  # fmt: skip
    """Run all trackers over all items of a plan; the reports are by the trackers' names.

    Args:
        plan: What is measured.
        data: Parent of the clips and of the folders of photographs.
        out: Output folder with the rendered sequences in ``sequences/``. Tracks are stored in
            ``tracks/``, and read from there where the file exists.
        trackers: The systems.
        report: Receives a line for each item.

    Raises:
        DataError: A sequence, clip or photograph cannot be read.
    """

    def tracked(name: str, frames: Frames) -> list[list[TrackedFaces]]:
        report(f"tracking {name}")
        folder = out / "tracks"
        return [stored_tracks(folder / f"{name}.{t.version}.npz", t, frames) for t in trackers]

    results = [_Results() for _ in trackers]
    for number, sequence in enumerate(plan.sequences):
        folder = out / "sequences" / sequence.name
        truth = read_truth(folder)
        tracks = tracked(sequence.name, _images_of(folder, len(truth)))
        for result, found in zip(results, tracks, strict=True):
            labelled = _labelled(truth, found)
            result.sequences[sequence.name] = labelled.metrics()
            result.labelled.extend(labelled, number * _ID_OFFSET)
            steps = moving_steps(truth, found)
            result.moving |= {(number, *key): step for key, step in steps.items()}
    for clip in plan.clips:
        frames = clip_frames(data / clip.file, plan.clip_frames)
        tracks = tracked(f"{clip.name}_{plan.clip_frames}", frames)
        for result, found in zip(results, tracks, strict=True):
            ids = [tuple(faces) for faces in found]
            result.clips[clip.name] = counted_tracks(ids, clip.people)
    for name, frames in stills(plan, data):
        tracks = tracked(f"{name}_{plan.still_frames}_{plan.noise:g}", frames)
        for result, found in zip(results, tracks, strict=True):
            steps = still_steps(found[plan.settled_after :])
            result.still |= {(name, *key): step for key, step in steps.items()}
    jitter = zip(
        common_jitter(result.moving for result in results),
        common_jitter(result.still for result in results),
        strict=True,
    )
    return {
        tracker.name: result.report(moving, still)
        for tracker, result, (moving, still) in zip(trackers, results, jitter, strict=True)
    }


def as_json(reports: Mapping[str, SystemReport]) -> dict[str, Any]:
    """All results as JSON values."""
    return {name: asdict(report) for name, report in reports.items()}


@dataclass(slots=True)
class _Labelled:
    """Labelled faces, boxes of tracks and pairs of both in each frame."""

    truth: list[Mapping[int, TrueFace]] = field(default_factory=list)
    boxes: list[Mapping[int, Box]] = field(default_factory=list)
    pairs: list[Mapping[int, int]] = field(default_factory=list)

    def extend(self, other: _Labelled, offset: int) -> None:
        """Append another sequence, with an offset added to its ids."""
        self.truth += [{k + offset: v for k, v in faces.items()} for faces in other.truth]
        self.boxes += [{k + offset: v for k, v in boxes.items()} for boxes in other.boxes]
        self.pairs += [{k + offset: v + offset for k, v in p.items()} for p in other.pairs]

    def metrics(self) -> tuple[TrackingMetrics, TrackingTimes]:
        return tracking_metrics(self.truth, self.boxes), tracking_times(self.truth, self.pairs)


@dataclass(slots=True)
class _Results:
    """Results of one system, before the steps that all systems have are known."""

    sequences: dict[str, tuple[TrackingMetrics, TrackingTimes]] = field(default_factory=dict)
    labelled: _Labelled = field(default_factory=_Labelled)
    clips: dict[str, CountedTracks] = field(default_factory=dict)
    moving: Steps = field(default_factory=dict)
    still: Steps = field(default_factory=dict)

    def report(self, moving: Jitter, still: Jitter) -> SystemReport:
        together = {ALL: self.labelled.metrics()} if self.sequences else {}
        recall = recall_by_size(self.labelled.truth, self.labelled.pairs)
        return SystemReport(self.sequences | together, moving, still, self.clips, recall)


def _labelled(truth: Sequence[TrueFrame], found: Sequence[TrackedFaces]) -> _Labelled:
    boxes = [{i: face.box for i, face in faces.items()} for faces in found]
    known = [frame.faces for frame in truth]
    return _Labelled(list(known), list(boxes), _pairs(known, boxes))


def _pairs(
    truth: Sequence[Mapping[int, TrueFace]], boxes: Sequence[Mapping[int, Box]]
) -> list[Mapping[int, int]]:
    out: list[Mapping[int, int]] = []
    for known, got in zip(truth, boxes, strict=True):
        out.append(match(known, got, out[-1] if out else {}))
    return out


def moving_steps(truth: Sequence[TrueFrame], found: Sequence[TrackedFaces]) -> Steps:
    """Step errors by person and frame, where a visible person has the same track in two frames."""
    pairs = _labelled(truth, found).pairs
    out: Steps = {}
    for n in range(1, len(truth)):
        for person, track in pairs[n].items():
            frames = (truth[n - 1], truth[n])
            if pairs[n - 1].get(person) == track and all(f.faces[person].counts for f in frames):
                tracked = [found[i][track] for i in (n - 1, n)]
                true = [
                    FaceShape(to_ibug68(f.landmarks[person]), f.rotations[person]) for f in frames
                ]
                out[person, n] = step_error(*tracked, *true)
    return out


def still_steps(found: Sequence[TrackedFaces]) -> Steps:
    """Steps of one still face by frame, where the only track has the same id in two frames."""
    out: Steps = {}
    for n in range(1, len(found)):
        if len(found[n]) == 1 and found[n].keys() == found[n - 1].keys():
            (before,), (after,) = found[n - 1].values(), found[n].values()
            out[(n,)] = still_step(before, after)
    return out


def _images_of(folder: Path, count: int) -> Frames:
    return lambda: read_images(folder, count)
