# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who is who from frame to frame: predict, look, update. On every frame, with or without faces.

A track's next crop comes from its own last landmarks. The network's presence and the geometry of
its answer decide whether it is kept. Ids grow and are never reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from atpn_ros.crop import Crop, crop_from_landmarks
from atpn_ros.types import Box, FaceState, Floats


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """When a face is taken up and when it is let go.

    Attributes:
        max_faces: Most faces held at once.
        start_presence: A new face needs at least this presence.
        keep_presence: A held face needs at least this presence.
        memory_ns: A face found again within this time near where it was lost keeps its id.
        min_side: Crops smaller than this many pixels are not followed.
    """

    max_faces: int = 4
    start_presence: float = 0.7
    keep_presence: float = 0.5
    memory_ns: int = 700_000_000
    min_side: float = 16.0


@dataclass(frozen=True, slots=True)
class Look:
    """What the network saw in one crop.

    Attributes:
        landmarks: (98, 2) image pixels.
        presence: 0..1.
        index: Which crop of the frame's batch it was.
    """

    landmarks: Floats
    presence: float
    index: int = 0


@dataclass(slots=True, eq=False)
class Track:
    """One face that is held, or was until lately."""

    id: int
    start_ns: int
    look: Look
    """The last look that held the face."""
    stamp_ns: int
    """When that was."""
    presence: float
    """Of the last look, whether it held the face or not."""
    state: FaceState = FaceState.DETECTED
    frames_since_detection: int = 0
    confirmed: bool = False
    """Whether the detector found it in the frame that is being processed."""
    velocity: Floats = field(default_factory=lambda: np.zeros(2))
    """Pixels per second of the crop's centre."""

    @property
    def landmarks(self) -> Floats:
        """(98, 2) image pixels, unsmoothed."""
        return self.look.landmarks

    @property
    def box(self) -> Box:
        """The tight box of the landmarks."""
        return Box.around(self.landmarks)

    def see(self, look: Look, stamp_ns: int) -> None:
        """Take a look that held the face."""
        self.look, self.stamp_ns, self.presence = look, stamp_ns, look.presence

    def predicted(self, stamp_ns: int) -> Crop:
        """Where the face should be at a time, at constant velocity for at most 0.2 s."""
        crop = crop_from_landmarks(self.landmarks)
        ahead = self.velocity * min(0.2, max(0, stamp_ns - self.stamp_ns) * 1e-9)
        limit = 0.35 * crop.side  # a wild velocity must not throw the face out of its own crop
        dx, dy = np.clip(ahead, -limit, limit)
        return Crop(crop.cx + float(dx), crop.cy + float(dy), crop.side, crop.angle)


class Tracker:
    """The tracks of one camera."""

    def __init__(self, settings: TrackerSettings) -> None:
        self.settings = settings
        self._next_id = 1
        self.held: list[Track] = []
        """Faces held now, oldest first."""
        self._lost: list[Track] = []

    @property
    def free(self) -> int:
        """How many more faces could be held."""
        return self.settings.max_faces - len(self.held)

    @property
    def searching(self) -> bool:
        """Whether a face was lost so lately that finding it again would keep its id."""
        return bool(self._lost)

    def reset(self) -> None:
        """Forget all tracks. Ids go on."""
        self.held, self._lost = [], []

    def predict(self, stamp_ns: int) -> list[Crop]:
        """The crop of each held face, in the order of ``held``."""
        self._lost = [t for t in self._lost if stamp_ns - t.stamp_ns <= self.settings.memory_ns]
        for track in self.held:  # a frame whose engine failed may have left it
            track.confirmed = False
        return [track.predicted(stamp_ns) for track in self.held]

    def confirm(self, found: Sequence[Crop]) -> list[Crop]:
        """Sort the detector's crops: those of held faces confirm them, the others are new.

        Returns:
            Crops of faces that are not held, at most as many as there are free places.
        """
        new: list[Crop] = []
        for crop in found:
            overlaps = [crop.box().iou(crop_from_landmarks(t.landmarks).box()) for t in self.held]
            if overlaps and max(overlaps) > 0.25:
                self.held[int(np.argmax(overlaps))].confirmed = True
            elif all(crop.box().iou(other.box()) < 0.5 for other in new):
                new.append(crop)
        return new[: max(0, self.free)]

    def update(self, looks: Sequence[Look], stamp_ns: int) -> list[Track]:
        """Take the looks at the held faces, then those at the new crops, in that order.

        Returns:
            The tracks that were lost in this frame. They leave ``held``.
        """
        known, new = looks[: len(self.held)], looks[len(self.held) :]
        lost: list[Track] = []
        for track, look in zip(self.held, known, strict=True):
            track.frames_since_detection = (
                0 if track.confirmed else track.frames_since_detection + 1
            )
            if self._plausible(look, self.settings.keep_presence):
                self._follow(track, look, stamp_ns)
            else:
                track.presence = look.presence if np.isfinite(look.presence) else 0.0
                lost.append(track)
        for older, younger in self._doubles():
            if older not in lost and younger not in lost:
                lost.append(younger)
        # max_faces may have become less: the oldest stay.
        lost += [t for t in self.held if t not in lost][self.settings.max_faces :]
        for track in lost:
            track.state = FaceState.LOST
        self.held = [t for t in self.held if t.state is not FaceState.LOST]
        self._lost += lost
        for look in new:
            if self._plausible(look, self.settings.start_presence):
                self._start(look, stamp_ns)
        # A detection in this very frame may have found one of them again.
        lost = [t for t in lost if t.state is FaceState.LOST]
        return lost

    def _plausible(self, look: Look, presence: float) -> bool:
        if not (look.presence >= presence and np.isfinite(look.landmarks).all()):
            return False
        box = Box.around(look.landmarks)
        longer = max(box.width, box.height)
        return longer >= self.settings.min_side and min(box.width, box.height) > 0.2 * longer

    def _follow(self, track: Track, look: Look, stamp_ns: int) -> None:
        dt = (stamp_ns - track.stamp_ns) * 1e-9
        if dt > 0:
            moved = look.landmarks.mean(axis=0) - track.landmarks.mean(axis=0)
            track.velocity = 0.5 * track.velocity + 0.5 * moved / dt
        track.see(look, stamp_ns)
        track.state = FaceState.TRACKED

    def _start(self, look: Look, stamp_ns: int) -> None:
        box = Box.around(look.landmarks)
        if any(box.iou(t.box) > 0.4 for t in self.held) or self.free <= 0:
            return
        near = [t for t in self._lost if _near(box, t.box)]
        if near:
            track = max(near, key=lambda t: box.iou(t.box))
            self._lost.remove(track)
            track.velocity = np.zeros(2)
            track.see(look, stamp_ns)
            track.state, track.frames_since_detection = FaceState.DETECTED, 0
        else:
            track = Track(self._next_id, stamp_ns, look, stamp_ns, look.presence)
            self._next_id += 1
        self.held.append(track)
        self.held.sort(key=lambda t: t.id)

    def _doubles(self) -> list[tuple[Track, Track]]:
        """Pairs of tracks that sit on one face."""
        return [
            (a, b)
            for i, a in enumerate(self.held)
            for b in self.held[i + 1 :]
            if a.box.iou(b.box) > 0.6
        ]


def _near(a: Box, b: Box) -> bool:
    """Whether a face that was at b may be the one at a: same place and about the same size."""
    size = max(b.width, b.height, 1.0)
    ratio = max(a.width, a.height) / size
    return abs(a.cx - b.cx) < size and abs(a.cy - b.cy) < size and 0.5 < ratio < 2.0
