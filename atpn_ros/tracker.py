# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who is who from frame to frame: predict, look, update. On every frame, with or without faces.

A track's next crop comes from its own last landmarks. The network's presence and the geometry of
its answer decide whether it is kept. Ids grow and are never reused. Where faces come close to each
other, tracks and looks are paired so that all of them together move least.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from atpn_ros.assignment import assign
from atpn_ros.crop import Crop, crop_from_landmarks
from atpn_ros.nearness import apart, way_back
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
        recheck_ns: A face that neither the detector nor a second look confirmed for so long gets a
            second look, through a crop that is moved and larger. 0: never.
    """

    max_faces: int = 4
    start_presence: float = 0.7
    keep_presence: float = 0.5
    memory_ns: int = 700_000_000
    min_side: float = 8.0
    recheck_ns: int = 2_000_000_000


_SECOND_SIZE, _SECOND_SHIFT = 1.25, 0.12
"""A second look's crop: so many times the first one's side, moved by so many of them."""

_SECOND_APART = 0.1
"""A second look that sees the landmarks further off, on average and in face sizes, contradicts.

With the shipped weights 95 % of real faces stay below 0.07, nine in ten views of empty rooms do not
stay below 0.1."""

_SECOND_FAILURES = 2
"""So many second looks in a row must contradict: one may fall on a blurred frame."""

_MEAN = np.full(98, 1 / 98)

_SAME = 0.6
"""Boxes that overlap more than this hold one face."""

_ELDER = 0.1
"""Where two tracks claim one face about equally well, in face sizes, the older keeps it."""


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
    box: Box = field(init=False, compare=False)
    """The tight box of the landmarks; not finite where one of them is not."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", Box.around(self.landmarks))


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
    checked_ns: int = 0
    """When the detector or a second look last confirmed it."""
    doubts: int = 0
    """Second looks in a row that did not."""

    @property
    def landmarks(self) -> Floats:
        """(98, 2) image pixels, unsmoothed."""
        return self.look.landmarks

    @property
    def box(self) -> Box:
        """The tight box of the landmarks."""
        return self.look.box

    def see(self, look: Look, stamp_ns: int) -> None:
        """Take a look that held the face."""
        self.look, self.stamp_ns, self.presence = look, stamp_ns, look.presence

    def second_crop(self, stamp_ns: int) -> Crop:
        """A crop that would show a real face too, but that a habit of the network would not fit.

        Larger than the first, and moved to another side each time.
        """
        crop = self.predicted(stamp_ns)
        side = 1 if (self.id + self.doubts) % 2 else -1
        dx, dy = Crop(0.0, 0.0, crop.side, crop.angle).to_image(
            np.array([0.5 + side * _SECOND_SHIFT, 0.5 - _SECOND_SHIFT / 2])
        )
        return Crop(crop.cx + float(dx), crop.cy + float(dy), crop.side * _SECOND_SIZE, crop.angle)

    def predicted(self, stamp_ns: int) -> Crop:
        """Where the face should be at a time, at constant velocity for at most 0.2 s."""
        crop = crop_from_landmarks(self.landmarks)
        limit = 0.35 * crop.side  # a wild velocity must not throw the face out of its own crop
        ahead = min(0.2, max(0, stamp_ns - self.stamp_ns) * 1e-9)
        dx, dy = (min(limit, max(-limit, v * ahead)) for v in self.velocity.tolist())
        return Crop(crop.cx + dx, crop.cy + dy, crop.side, crop.angle)


class Tracker:
    """The tracks of one camera."""

    def __init__(self, settings: TrackerSettings) -> None:
        self.settings = settings
        self._next_id = 1
        self.held: list[Track] = []
        """Faces held now, oldest first."""
        self._lost: list[Track] = []
        self._doubted: Track | None = None

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
        self.held, self._lost, self._doubted = [], [], None

    def predict(self, stamp_ns: int) -> list[Crop]:
        """The crop of each held face, in the order of ``held``."""
        self._lost = [t for t in self._lost if stamp_ns - t.stamp_ns <= self.settings.memory_ns]
        self._doubted = None
        for track in self.held:  # a frame whose engine failed may have left it
            track.confirmed = False
        return [track.predicted(stamp_ns) for track in self.held]

    def confirm(self, found: Sequence[Crop]) -> list[Crop]:
        """Sort the detector's crops: those of held faces confirm them, the others are new.

        Returns:
            Crops of faces that are not held, at most as many as there are free places.
        """
        boxes = [crop_from_landmarks(t.landmarks).box() for t in self.held]
        overlap = np.array([[crop.box().iou(box) for box in boxes] for crop in found])
        overlap = overlap.reshape(len(found), len(boxes))
        pairs = dict(assign(np.where(overlap > 0.25, 1 - overlap, np.inf)))
        new: list[Crop] = []
        for i, crop in enumerate(found):
            if i in pairs:
                self.held[pairs[i]].confirmed = True
            elif all(crop.box().iou(box) < 0.5 for box in [*boxes, *(n.box() for n in new)]):
                new.append(crop)
        return new[: max(0, self.free)]

    def second_looks(self, stamp_ns: int) -> list[Crop]:
        """The crop of the held face that most needs a second look in this frame, if any does.

        Never more than one, so that the cost of a frame is bounded.
        """
        wait = self.settings.recheck_ns
        due = [
            t
            for t in self.held
            if wait and not t.confirmed and (t.doubts or stamp_ns - t.checked_ns >= wait)
        ]
        self._doubted = min(due, key=lambda t: (-t.doubts, t.checked_ns, t.id), default=None)
        return [] if self._doubted is None else [self._doubted.second_crop(stamp_ns)]

    def update(self, looks: Sequence[Look], stamp_ns: int) -> list[Track]:
        """Take the looks at the held faces, those at the new crops and the second look, if any.

        Args:
            looks: In the order of :meth:`predict`, :meth:`confirm` and :meth:`second_looks`.
            stamp_ns: Of the frame.

        Returns:
            The tracks that were lost in this frame. They leave ``held``.
        """
        known, new = looks[: len(self.held)], list(looks[len(self.held) :])
        second = new.pop() if self._doubted is not None else None
        lost: list[Track] = []
        for track, look in zip(self.held, self._paired(known, stamp_ns), strict=True):
            track.frames_since_detection = (
                0 if track.confirmed else track.frames_since_detection + 1
            )
            if track.confirmed:
                track.checked_ns, track.doubts = stamp_ns, 0
            if look is None or not self._plausible(look, self.settings.keep_presence):
                seen = track.presence if look is None else look.presence
                track.presence = seen if np.isfinite(seen) else 0.0
                lost.append(track)
            elif track is self._doubted and second and not self._agrees(track, look, second):
                track.presence = look.presence
                lost.append(track)
            else:
                self._follow(track, look, stamp_ns)
                if track is self._doubted and not track.doubts:
                    track.checked_ns = stamp_ns
        self._doubted = None
        # max_faces may have become less: the oldest stay.
        lost += [t for t in self.held if t not in lost][self.settings.max_faces :]
        for track in lost:
            track.state = FaceState.LOST
        self.held = [t for t in self.held if t.state is not FaceState.LOST]
        self._lost += lost
        self._start([x for x in new if self._plausible(x, self.settings.start_presence)], stamp_ns)
        # A detection in this very frame may have found one of them again.
        return [t for t in lost if t.state is FaceState.LOST]

    def _paired(self, looks: Sequence[Look], stamp_ns: int) -> list[Look | None]:
        """The look that each held track shall take: its own, unless faces are close together.

        A track that sees the face of another has been drawn onto it. Of all that see one face the
        one whose motion led there keeps it; the others get none and are lost.
        """
        if len(looks) < 2:
            return list(looks)
        keep = self.settings.keep_presence
        good = [i for i, look in enumerate(looks) if self._plausible(look, keep)]
        boxes = {i: looks[i].box for i in good}
        distinct = [
            i for i in good if all(boxes[i].iou(boxes[j]) <= _SAME for j in good[: good.index(i)])
        ]
        if len(distinct) == len(good):
            return list(looks)
        crops = [track.predicted(stamp_ns) for track in self.held]
        cost = np.full((len(looks), len(distinct)), np.inf)
        for row in good:
            for column, i in enumerate(distinct):
                seen = crop_from_landmarks(looks[i].landmarks)
                way = apart(crops[row], seen) + _ELDER * good.index(row) / len(good)
                cost[row, column] = way if i == row or way < 1 else np.inf
        out: list[Look | None] = [None if i in boxes else look for i, look in enumerate(looks)]
        for row, column in assign(cost):
            i = distinct[column]
            out[row] = looks[row if boxes[row].iou(boxes[i]) > _SAME else i]
        return out

    def _agrees(self, track: Track, look: Look, second: Look) -> bool:
        """Whether a second look saw the same face, or may be forgiven for once."""
        size = max(look.box.width, look.box.height)
        same = self._plausible(second, self.settings.keep_presence) and (
            float(np.linalg.norm(second.landmarks - look.landmarks, axis=1).mean())
            <= _SECOND_APART * size
        )
        track.doubts = 0 if same else track.doubts + 1
        return track.doubts < _SECOND_FAILURES

    def _plausible(self, look: Look, presence: float) -> bool:
        width, height = look.box.width, look.box.height
        # A landmark that is not finite makes one of them so.
        if not (look.presence >= presence and math.isfinite(width + height)):
            return False
        longer = max(width, height)
        return longer >= self.settings.min_side and min(width, height) > 0.2 * longer

    def _follow(self, track: Track, look: Look, stamp_ns: int) -> None:
        dt = (stamp_ns - track.stamp_ns) * 1e-9
        if dt > 0:
            moved = _MEAN @ (look.landmarks - track.landmarks)
            track.velocity = 0.5 * track.velocity + 0.5 * moved / dt
        track.see(look, stamp_ns)
        track.state = FaceState.TRACKED

    def _start(self, looks: Sequence[Look], stamp_ns: int) -> None:
        """Hold new faces; one that was lost near by, or was on its way there, has its id again."""
        new: list[tuple[Look, Box]] = []
        for look in looks:
            box = look.box
            taken = [*(t.box for t in self.held), *(b for _, b in new)]
            if len(new) < self.free and all(box.iou(other) <= 0.4 for other in taken):
                new.append((look, box))
        gone = [(t.box, t.velocity.tolist(), stamp_ns - t.stamp_ns) for t in self._lost]
        cost = np.array([[way_back(*lost, box) for lost in gone] for _, box in new])
        back = dict(assign(cost.reshape(len(new), len(self._lost))))
        for i, (look, _) in enumerate(new):
            if i in back:
                track = self._lost[back[i]]
                track.velocity = np.zeros(2)
                track.see(look, stamp_ns)
                track.state, track.frames_since_detection = FaceState.DETECTED, 0
            else:
                track = Track(self._next_id, stamp_ns, look, stamp_ns, look.presence)
                self._next_id += 1
            track.checked_ns, track.doubts = stamp_ns, 0
            self.held.append(track)
        self._lost = [t for t in self._lost if t.state is FaceState.LOST]
        self.held.sort(key=lambda t: t.id)
