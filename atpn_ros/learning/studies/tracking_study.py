# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compares tracking by the node's pipeline and by MediaPipe Face Mesh: ids, lost time, jitter.

Both see the same frames: rendered sequences of moving people, whose ids are known; clips of which
only the number of people is known; and photographs that stand still but for new noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from atpn_ros.landmark_layouts import to_ibug68
from atpn_ros.learning.evaluation.face_trackers import FaceTracker, SeenFace, SeenFaces
from atpn_ros.learning.evaluation.sequences import TrueFrame, read_images, read_truth
from atpn_ros.learning.evaluation.step_errors import (
    Jitter,
    Shape,
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

_APART = 10_000
"""Between the ids of two sequences that are counted together."""


@dataclass(frozen=True, slots=True)
class SystemReport:
    """Figures of one system; jitter over the steps that all systems have.

    Attributes:
        sequences: Ids and times of each sequence, by name, and of all together as
            :data:`ALL`.
        moving: Step errors of the people of the sequences.
        still: Steps of the still photographs.
        clips: By name.
        recall: Of all sequences: percent and number of faces, by size in pixels.
    """

    sequences: Mapping[str, tuple[TrackingMetrics, TrackingTimes]] = field(default_factory=dict)
    moving: Jitter | None = None
    still: Jitter | None = None
    clips: Mapping[str, CountedTracks] = field(default_factory=dict)
    recall: Mapping[str, tuple[float, int]] = field(default_factory=dict)


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
            ``tracks/``; those that are there are not computed again.
        trackers: The systems.
        report: Receives a line for each item.

    Raises:
        DataError: A sequence, clip or photograph cannot be read.
    """

    def tracked(name: str, frames: Frames) -> list[list[SeenFaces]]:
        report(f"tracking {name}")
        folder = out / "tracks"
        return [stored_tracks(folder / f"{name}.{t.version}.npz", t, frames) for t in trackers]

    sequences: list[dict[str, tuple[TrackingMetrics, TrackingTimes]]] = [{} for _ in trackers]
    clips: list[dict[str, CountedTracks]] = [{} for _ in trackers]
    moving: list[Steps] = [{} for _ in trackers]
    still: list[Steps] = [{} for _ in trackers]
    together = [_Labelled() for _ in trackers]
    for place, sequence in enumerate(plan.sequences):
        folder = out / "sequences" / sequence.name
        truth = read_truth(folder)
        for i, found in enumerate(tracked(sequence.name, _images_of(folder, len(truth)))):
            labelled = _labelled(truth, found)
            sequences[i][sequence.name] = labelled.metrics()
            together[i].extend(labelled, place * _APART)
            moving[i] |= {(place, *k): step for k, step in moving_steps(truth, found).items()}
    for clip in plan.clips:
        frames = clip_frames(data / clip.file, plan.clip_frames)
        for i, found in enumerate(tracked(f"{clip.name}_{plan.clip_frames}", frames)):
            clips[i][clip.name] = counted_tracks([tuple(faces) for faces in found], clip.people)
    for name, frames in stills(plan, data):
        item = f"{name}_{plan.still_frames}_{plan.noise:g}"
        for i, found in enumerate(tracked(item, frames)):
            steps = still_steps(found[plan.settled_after :])
            still[i] |= {(name, *k): step for k, step in steps.items()}
    if plan.sequences:
        for of_system, labelled in zip(sequences, together, strict=True):
            of_system[ALL] = labelled.metrics()
    recall = [recall_by_size(labelled.truth, labelled.pairs) for labelled in together]
    jitters = (common_jitter(moving), common_jitter(still))
    return {
        tracker.name: SystemReport(*parts)
        for tracker, *parts in zip(trackers, sequences, *jitters, clips, recall, strict=True)
    }


def as_json(reports: Mapping[str, SystemReport]) -> dict[str, Any]:
    """All figures as JSON values."""
    return {name: asdict(report) for name, report in reports.items()}


@dataclass(slots=True)
class _Labelled:
    truth: list[Mapping[int, TrueFace]] = field(default_factory=list)
    boxes: list[Mapping[int, Box]] = field(default_factory=list)
    pairs: list[Mapping[int, int]] = field(default_factory=list)

    def extend(self, other: _Labelled, shift: int) -> None:
        """Append another sequence, with its ids moved away from those before."""
        self.truth += [{k + shift: v for k, v in faces.items()} for faces in other.truth]
        self.boxes += [{k + shift: v for k, v in boxes.items()} for boxes in other.boxes]
        self.pairs += [{k + shift: v + shift for k, v in p.items()} for p in other.pairs]

    def metrics(self) -> tuple[TrackingMetrics, TrackingTimes]:
        return tracking_metrics(self.truth, self.boxes), tracking_times(self.truth, self.pairs)


def _labelled(truth: Sequence[TrueFrame], found: Sequence[SeenFaces]) -> _Labelled:
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


def moving_steps(truth: Sequence[TrueFrame], found: Sequence[SeenFaces]) -> Steps:
    """Step errors by person and frame, where one track follows a visible person in two frames."""
    pairs = _labelled(truth, found).pairs
    out: Steps = {}
    for n in range(1, len(truth)):
        for person, track in pairs[n].items():
            frames = (truth[n - 1], truth[n])
            if pairs[n - 1].get(person) == track and all(f.faces[person].counts for f in frames):
                seen = [_shape(found[i][track]) for i in (n - 1, n)]
                real = [Shape(to_ibug68(f.landmarks[person]), f.rotations[person]) for f in frames]
                out[person, n] = step_error(*seen, *real)
    return out


def still_steps(found: Sequence[SeenFaces]) -> Steps:
    """Steps of one still face by frame, where the same id alone is tracked in two frames."""
    out: Steps = {}
    for n in range(1, len(found)):
        if len(found[n]) == 1 and found[n].keys() == found[n - 1].keys():
            (before,), (after,) = found[n - 1].values(), found[n].values()
            out[(n,)] = still_step(_shape(before), _shape(after))
    return out


def _shape(face: SeenFace) -> Shape:
    return Shape(face.points, face.rotation)


def _images_of(folder: Path, count: int) -> Frames:
    return lambda: read_images(folder, count)
