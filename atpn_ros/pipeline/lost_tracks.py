# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faces that are no longer tracked, and which new face is one of them again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from atpn_ros.pipeline.absence import LostFace, sole_matches
from atpn_ros.pipeline.association import assign, reidentification_cost
from atpn_ros.pipeline.track import Track
from atpn_ros.types import Box, FaceState

_SAME_PLACE_IOU = 0.3
"""A new face whose box overlaps that of a lost track more than this is in its place."""

_TENTATIVE_EVIDENCE = -3.0
"""Log odds that are added to negative evidence where a tentative track was lost."""


class LostTracks:
    """The lost tracks of one camera that may still be found again."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._stamp_ns = 0
        self._memory_ns = 0

    def __len__(self) -> int:
        return len(self._tracks)

    @property
    def recent(self) -> list[Track]:
        """Those that were lost within the memory, oldest first."""
        return [t for t in self._tracks if self._ago(t) <= self._memory_ns]

    def advance(self, stamp_ns: int, memory_ns: int, absence_ns: int) -> None:
        """Go on to the next frame, and drop tracks that were lost too long ago.

        Args:
            stamp_ns: Of the frame.
            memory_ns: How long a face may be found again nearby.
            absence_ns: How long at its own place, if no other person is possible.
        """
        self._stamp_ns, self._memory_ns = stamp_ns, memory_ns
        longest = max(memory_ns, absence_ns)
        self._tracks = [t for t in self._tracks if self._ago(t) <= longest]

    def add(self, tracks: Iterable[Track]) -> None:
        """Tracks that were lost in this frame."""
        self._tracks += tracks

    def clear(self) -> None:
        """Drop all."""
        self._tracks = []

    def remove_found(self) -> None:
        """Drop those that were started again."""
        self._tracks = [t for t in self._tracks if t.state is FaceState.LOST]

    def evidence_at(self, box: Box, evidence: float) -> float:
        """The evidence of a detection, given the tracks that were lost near it.

        Negative evidence does not count where a face was tracked until recently. It counts for more
        where a tentative track was lost: a pattern may resemble a face in the detection's crop, but
        not in the next ones.

        Args:
            box: Of the new face, pixels.
            evidence: Log odds, see :class:`atpn_ros.detectors.Detection`.
        """
        if evidence >= 0:
            return evidence
        recent = [t for t in self.recent if not t.tentative]
        if any(math.isfinite(self._cost(t, box)) for t in recent):
            return 0.0
        tentative = [t for t in self._tracks if t.tentative]
        if any(t.box.iou(box) > _SAME_PLACE_IOU for t in tentative):
            return evidence + _TENTATIVE_EVIDENCE
        return evidence

    def found_again(self, new: Sequence[Box], picture: tuple[int, int] | None) -> dict[int, Track]:
        """The lost track of each new face that is near one, or that can be no other person.

        Args:
            new: Boxes of the new faces, pixels.
            picture: Its width and height in pixels; None: people cannot enter or leave at a border.

        Returns:
            Tracks by index of ``new``.
        """
        recent = self.recent
        cost = np.array([[self._cost(track, box) for track in recent] for box in new])
        pairs = assign(cost.reshape(len(new), len(recent)))
        out = {i: recent[j] for i, j in pairs}
        others = [i for i in range(len(new)) if i not in out]
        absent = [t for t in self._tracks if t not in out.values()]
        if others and absent:
            faces = [LostFace(t.box, tuple(t.velocity.tolist()), self._ago(t)) for t in absent]
            matches = sole_matches(faces, [new[i] for i in others], picture)
            out |= {others[i]: absent[j] for i, j in matches.items()}
        return out

    def _cost(self, track: Track, box: Box) -> float:
        return reidentification_cost(track.box, track.velocity.tolist(), self._ago(track), box)

    def _ago(self, track: Track) -> int:
        return self._stamp_ns - track.stamp_ns
