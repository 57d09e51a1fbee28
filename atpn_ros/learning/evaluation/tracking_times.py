# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long visible people are not tracked, with labelled people and from their number alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from atpn_ros.learning.evaluation.tracking_metrics import TrueFace

SIZES: Mapping[str, tuple[float, float]] = {
    "under 40": (0.0, 40.0),
    "40 to 60": (40.0, 60.0),
    "60 to 80": (60.0, 80.0),
    "80 and more": (80.0, float("inf")),
}
"""Sizes of faces in pixels: lower end, and upper end, which does not belong to it."""


@dataclass(frozen=True, slots=True)
class TrackingTimes:
    """Numbers of frames, of all people of a sequence.

    Attributes:
        found_after: For each person who is tracked at all: frames in which the person was visible
            before the first one that tracks them.
        untracked: Frames in which a person was visible and not tracked although tracked before,
            summed over people.
        longest: The longest run of such frames of one person.
        never: People who are never tracked.
        tracked: Frames in which a visible person is tracked, summed over people.
    """

    found_after: tuple[int, ...]
    untracked: int
    longest: int
    never: int
    tracked: int


@dataclass(frozen=True, slots=True)
class CountedTracks:
    """Tracks of a clip of which only the number of people is known.

    Attributes:
        ids: Number of ids.
        complete: Percent of the frames with as many faces as people, or more.
        too_many: Percent of the frames with more faces than people.
        longest: The longest run of frames with fewer faces than people.
        frames: Number of frames.
    """

    ids: int
    complete: float
    too_many: float
    longest: int
    frames: int


def tracking_times(
    truth: Sequence[Mapping[int, TrueFace]], pairs: Sequence[Mapping[int, int]]
) -> TrackingTimes:
    """Times of a sequence.

    Args:
        truth: Labelled faces by person, of each frame.
        pairs: The track of each person who is tracked, of each frame.
    """
    found_after, untracked, longest, never, tracked = [], 0, 0, 0, 0
    for person in sorted({p for faces in truth for p, face in faces.items() if face.counts}):
        held = [
            person in got
            for faces, got in zip(truth, pairs, strict=True)
            if person in faces and faces[person].counts
        ]
        if True not in held:
            never += 1
            continue
        first = held.index(True)
        found_after.append(first)
        untracked += held[first:].count(False)
        tracked += held.count(True)
        longest = max(longest, longest_run(not h for h in held[first:]))
    return TrackingTimes(tuple(found_after), untracked, longest, never, tracked)


def recall_by_size(
    truth: Sequence[Mapping[int, TrueFace]], pairs: Sequence[Mapping[int, int]]
) -> dict[str, tuple[float, int]]:
    """Percent of the visible faces that are tracked, and their number, by :data:`SIZES`.

    The size of a face is the square root of the area of its box, pixels.
    """
    tracked: dict[str, list[bool]] = {name: [] for name in SIZES}
    for faces, got in zip(truth, pairs, strict=True):
        for person, face in faces.items():
            size = (face.box.width * face.box.height) ** 0.5
            for name, (low, high) in SIZES.items():
                if face.counts and low <= size < high:
                    tracked[name].append(person in got)
    return {n: (100 * sum(held) / max(1, len(held)), len(held)) for n, held in tracked.items()}


def counted_tracks(found: Sequence[Collection[int]], people: int) -> CountedTracks:
    """Summary of the ids of each frame of a clip in which ``people`` people are always visible."""
    frames = len(found)
    return CountedTracks(
        ids=len({i for ids in found for i in ids}),
        complete=100 * sum(len(ids) >= people for ids in found) / frames,
        too_many=100 * sum(len(ids) > people for ids in found) / frames,
        longest=longest_run(len(ids) < people for ids in found),
        frames=frames,
    )


def longest_run(flags: Iterable[bool]) -> int:
    """Length of the longest run of true flags.

    >>> longest_run([True, False, True, True])
    2
    """
    longest = length = 0
    for flag in flags:
        length = length + 1 if flag else 0
        longest = max(longest, length)
    return longest
