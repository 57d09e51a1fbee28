# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Multi-face tracking accuracy from boxes with ids: IDF1, id switches and lost tracks.

IDF1 as published (arXiv 1609.01775): each labelled person is assigned at most one track so that
the number of matching frames of the whole sequence is largest. Switches and losses are counted
frame by frame; a pair that still overlaps is kept before new pairs are made (CLEAR MOT).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from atpn_ros.types import Box, Floats

OVERLAP = 0.5
"""Boxes with this intersection over union, or more, are of one face."""


@dataclass(frozen=True, slots=True)
class TrueFace:
    """A labelled face in one frame.

    Attributes:
        box: Around its landmarks.
        counts: Whether it must be found; a face that is hardly visible may be found or not.
    """

    box: Box
    counts: bool = True


@dataclass(frozen=True, slots=True)
class TrackingMetrics:
    """Of one sequence.

    Attributes:
        idf1: Percent.
        precision: Percent of the tracked boxes that are a face.
        recall: Percent of the faces that were tracked.
        switches: How often a person's id became another.
        lost: How often a tracked person was still visible and no longer tracked.
        mostly_lost: People who were tracked in less than a fifth of the frames that show them.
        people: Number of visible people.
        frames: Number of frames.
    """

    idf1: float
    precision: float
    recall: float
    switches: int
    lost: int
    mostly_lost: int
    people: int
    frames: int


def tracking_metrics(
    truth: Sequence[Mapping[int, TrueFace]], found: Sequence[Mapping[int, Box]]
) -> TrackingMetrics:
    """Compare labelled faces with tracked boxes, by id in each frame."""
    pairs_of: Counter[tuple[int, int]] = Counter()
    before: dict[int, int] = {}
    last_id: dict[int, int] = {}
    visible: Counter[int] = Counter()
    held: Counter[int] = Counter()
    answers = switches = lost = 0
    for there, got in zip(truth, found, strict=True):
        pairs = match(there, got, before)
        ignored = {t for p, t in pairs.items() if not there[p].counts}
        answers += len(got) - len(ignored)
        for person, seen in there.items():
            track = pairs.get(person)
            if not seen.counts:
                continue
            visible[person] += 1
            if track is None:
                lost += person in before
                continue
            held[person] += 1
            switches += last_id.get(person, track) != track
            last_id[person] = track
        pairs_of.update(_overlapping(there, got))
        before = pairs
    true_positives = _matching_frames(pairs_of)
    total = sum(visible.values())
    return TrackingMetrics(
        idf1=_percent(2 * true_positives, total + answers),
        precision=_percent(sum(held.values()), answers),
        recall=_percent(sum(held.values()), total),
        switches=switches,
        lost=lost,
        mostly_lost=sum(held[p] < 0.2 * n for p, n in visible.items()),
        people=len(visible),
        frames=len(truth),
    )


def match(
    there: Mapping[int, TrueFace], got: Mapping[int, Box], before: Mapping[int, int]
) -> dict[int, int]:
    """The track of each person in one frame; pairs of the frame before stay while they overlap."""
    pairs = {
        p: t
        for p, t in before.items()
        if p in there and t in got and there[p].box.iou(got[t]) >= OVERLAP
    }
    people = [p for p in there if p not in pairs]
    tracks = [t for t in got if t not in pairs.values()]
    if people and tracks:
        overlap = np.array([[there[p].box.iou(got[t]) for t in tracks] for p in people])
        for i, j in zip(*linear_sum_assignment(-np.where(overlap >= OVERLAP, overlap, -1.0)),
                        strict=True):  # fmt: skip
            if overlap[i, j] >= OVERLAP:
                pairs[people[i]] = tracks[j]
    return pairs


def _overlapping(there: Mapping[int, TrueFace], got: Mapping[int, Box]) -> list[tuple[int, int]]:
    return [
        (p, t)
        for p, seen in there.items()
        for t, box in got.items()
        if seen.counts and seen.box.iou(box) >= OVERLAP
    ]


def _matching_frames(pairs: Mapping[tuple[int, int], int]) -> int:
    """Number of matching frames under the best one-to-one assignment of tracks to people."""
    people = sorted({p for p, _ in pairs})
    tracks = sorted({t for _, t in pairs})
    table: Floats = np.array([[pairs.get((p, t), 0) for t in tracks] for p in people], float)
    if not table.size:
        return 0
    rows, columns = linear_sum_assignment(-table)
    return int(table[rows, columns].sum())


def _percent(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole else 0.0
