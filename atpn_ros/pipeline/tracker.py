# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Multi-face tracking: keeps each face's id from frame to frame.

Each frame has three steps: predict the crop of each track from its last landmarks, match the
detector's boxes with the tracks, and update the tracks with the network's output. The network's
presence and the geometry of its landmarks decide whether a track continues. Ids increase and are
never reused. Where faces are close together, tracks and observations are matched by linear
assignment over their distances (:mod:`atpn_ros.pipeline.association`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.crop import Crop, crop_from_landmarks
from atpn_ros.odds import log_odds
from atpn_ros.pipeline.association import assign
from atpn_ros.pipeline.lost_tracks import LostTracks
from atpn_ros.pipeline.new_faces import EarlySearches, presence_to_start, uncertain
from atpn_ros.pipeline.overlapping_faces import match_observations
from atpn_ros.pipeline.track import Observation, Track
from atpn_ros.types import Box, FaceState


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """When a track starts and when it ends.

    Attributes:
        max_faces: Maximum number of tracks at once.
        start_presence: Minimum presence to start a track.
        keep_presence: Minimum presence to continue a track.
        memory_ns: A face found again within this time near where it was lost keeps its id.
        absence_ns: So does one found again within this time that can only be the same person, see
            :mod:`atpn_ros.pipeline.absence`.
        min_side: Faces smaller than this many pixels are not tracked.
        recheck_ns: A face that neither the detector nor a re-verification has confirmed for this
            long is verified again through a shifted, larger crop. 0: never.
    """

    max_faces: int = 8
    start_presence: float = 0.7
    keep_presence: float = 0.5
    memory_ns: int = 700_000_000
    absence_ns: int = 4_000_000_000
    min_side: float = 8.0
    recheck_ns: int = 2_000_000_000


_REVERIFICATION_TOLERANCE = 0.1
"""A re-verification fails if its landmarks are further off, on average and in face sizes.

With the shipped weights 95 % of real faces stay below 0.07, nine in ten views of empty rooms do not
stay below 0.1."""

_MAX_FAILED_CHECKS = 2
"""A face is lost after this many failed re-verifications in a row: one may be a blurred frame."""

_CONFIRMING_IOU = 0.25
"""A detection whose crop overlaps that of a track more than this may confirm it."""

MOST_FACES = 64
"""Upper limit of ``max_faces``, and of the faces whose crops are examined in one frame."""


class Tracker:
    """The face tracks of one camera.

    Call :meth:`predict`, :meth:`match_detections` (in frames in which the detector ran) and
    :meth:`reverification_crops`, run the network on their crops in this order, then call
    :meth:`update` with its output.

    Attributes:
        settings: May be replaced between frames.
        tracks: The faces that are tracked now, oldest first.
        untracked: Number of faces beyond ``max_faces`` at the detector's last run.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self.settings = settings
        self.tracks: list[Track] = []
        self.untracked = 0
        self._detected = False
        self._early_searches = EarlySearches()
        self._next_id = 1
        self._lost = LostTracks()
        self._reverifying: Track | None = None

    @property
    def free_places(self) -> int:
        """How many more faces could be tracked."""
        return self.settings.max_faces - len(self.tracks)

    @property
    def has_recent_losses(self) -> bool:
        """Whether a face was lost so recently that it may be found again in the next frame."""
        return bool(self._lost.recent)

    @property
    def has_absent_faces(self) -> bool:
        """Whether a lost face would keep its id if it were found again."""
        return len(self._lost) > 0

    @property
    def needs_early_search(self) -> bool:
        """Whether the detector should run again soon, because a face nearly started a track."""
        return self._early_searches.due

    def reset(self) -> None:
        """Drop all tracks. Ids go on."""
        self.tracks, self._reverifying = [], None
        self._early_searches.reset()
        self._lost.clear()
        self.untracked, self._detected = 0, False

    def predict(self, stamp_ns: int) -> list[Crop]:
        """The crop of each tracked face, in the order of ``tracks``."""
        self._lost.advance(stamp_ns, self.settings.memory_ns, self.settings.absence_ns)
        self._reverifying, self._detected = None, False
        for track in self.tracks:  # a frame whose engine failed may have left it
            track.confirmed = False
        return [track.predicted_crop(stamp_ns) for track in self.tracks]

    def match_detections(self, detections: Sequence[Crop]) -> list[Crop]:
        """Mark the tracks that the detector confirms, and return the crops of new faces.

        Args:
            detections: The square crop of each box that the detector found.

        Returns:
            Crops of faces that are not tracked. There may be more of them than free places: then
            the network decides which are faces, and those beyond ``max_faces`` are counted.
        """
        self._detected = True
        boxes = self._crop_boxes()
        overlap = np.array([[crop.box().iou(box) for box in boxes] for crop in detections])
        overlap = overlap.reshape(len(detections), len(boxes))
        pairs = dict(assign(np.where(overlap > _CONFIRMING_IOU, 1 - overlap, np.inf)))
        new: list[Crop] = []
        for i, crop in enumerate(detections):
            if i in pairs:
                self.tracks[pairs[i]].confirmed = True
            elif all(crop.box().iou(box) < 0.5 for box in [*boxes, *(n.box() for n in new)]):
                new.append(crop)
        return new[: max(0, MOST_FACES - len(self.tracks))]

    def overlaps_track(self, detection: Crop) -> bool:
        """Whether a detection's crop overlaps that of a track so far that it may be its face."""
        return any(detection.box().iou(box) > _CONFIRMING_IOU for box in self._crop_boxes())

    def reverification_crops(self, stamp_ns: int) -> list[Crop]:
        """The crop for the most urgent re-verification in this frame; empty if none is due.

        Never more than one, so that the cost of a frame is bounded.
        """
        wait = self.settings.recheck_ns
        due = [
            t
            for t in self.tracks
            if wait and not t.confirmed and (t.failed_checks or stamp_ns - t.verified_ns >= wait)
        ]
        self._reverifying = min(
            due, key=lambda t: (-t.failed_checks, t.verified_ns, t.id), default=None
        )
        return (
            [] if self._reverifying is None else [self._reverifying.reverification_crop(stamp_ns)]
        )

    def uncertain(self, observations: Sequence[Observation]) -> list[int]:
        """Indices of new faces that nearly start a track; a second crop of each may decide.

        Args:
            observations: As for :meth:`update`.
        """
        end = len(observations) - (self._reverifying is not None)
        return self._uncertain(
            dict(enumerate(observations[len(self.tracks) : end], len(self.tracks)))
        )

    def update(
        self,
        observations: Sequence[Observation],
        stamp_ns: int,
        picture: tuple[int, int] | None = None,
    ) -> list[Track]:
        """Continue, end and start tracks with the observations of one frame.

        Args:
            observations: In the order of the crops of :meth:`predict`, :meth:`match_detections`
                and :meth:`reverification_crops`.
            stamp_ns: Of the frame.
            picture: Its width and height in pixels; None: people cannot enter or leave at a
                border.

        Returns:
            The tracks that were lost in this frame. They are no longer in ``tracks``.
        """
        known = observations[: len(self.tracks)]
        new = list(observations[len(self.tracks) :])
        check = new.pop() if self._reverifying is not None else None
        lost: list[Track] = []
        good = [self._is_plausible(o, self.settings.keep_presence) for o in known]
        matched = match_observations(self.tracks, known, good, stamp_ns)
        for track, seen in zip(self.tracks, matched, strict=True):
            track.frames_since_detection = (
                0 if track.confirmed else track.frames_since_detection + 1
            )
            if track.confirmed:
                track.verified_ns, track.failed_checks = stamp_ns, 0
            if seen is None or not self._is_plausible(seen, self.settings.keep_presence):
                presence = track.presence if seen is None else seen.presence
                track.presence = presence if np.isfinite(presence) else 0.0
                lost.append(track)
            elif track is self._reverifying and check and not self._is_verified(track, seen, check):
                track.presence = seen.presence
                lost.append(track)
            else:
                track.update(seen, stamp_ns)
                if track is self._reverifying and not track.failed_checks:
                    track.verified_ns = stamp_ns
        self._reverifying = None
        # max_faces may have become less: the oldest stay.
        lost += [t for t in self.tracks if t not in lost][self.settings.max_faces :]
        for track in lost:
            track.state = FaceState.LOST
        self.tracks = [t for t in self.tracks if t.state is not FaceState.LOST]
        self._lost.add(lost)
        certain = [o for o in new if self._is_plausible(o, self._presence_to_start(o))]
        if self._detected:
            self._early_searches.count(bool(self._uncertain(dict(enumerate(new)))))
        self._start(certain, stamp_ns, picture)
        # A detection in this very frame may have found one of them again.
        return [t for t in lost if t.state is FaceState.LOST]

    def _crop_boxes(self) -> list[Box]:
        return [crop_from_landmarks(t.landmarks).box() for t in self.tracks]

    def _is_verified(self, track: Track, seen: Observation, check: Observation) -> bool:
        """Whether a re-verification found the same face, or has not yet failed too often."""
        size = max(seen.box.width, seen.box.height)
        same = self._is_plausible(check, self.settings.keep_presence) and (
            float(np.linalg.norm(check.landmarks - seen.landmarks, axis=1).mean())
            <= _REVERIFICATION_TOLERANCE * size
        )
        track.failed_checks = 0 if same else track.failed_checks + 1
        return track.failed_checks < _MAX_FAILED_CHECKS

    def _uncertain(self, new: Mapping[int, Observation]) -> list[int]:
        return uncertain(
            {
                i: log_odds(self._presence_to_start(o)) - log_odds(o.presence)
                for i, o in new.items()
                if self._is_plausible(o, 0.0)
            }
        )

    def _presence_to_start(self, seen: Observation) -> float:
        settings = self.settings
        evidence = self._lost.evidence_at(seen.box, seen.evidence)
        return presence_to_start(settings.start_presence, settings.keep_presence, evidence)

    def _is_plausible(self, observation: Observation, presence: float) -> bool:
        """Whether an observation has the presence, the size and the shape of a face."""
        width, height = observation.box.width, observation.box.height
        # A landmark that is not finite makes one of them so.
        if not (observation.presence >= presence and math.isfinite(width + height)):
            return False
        longer = max(width, height)
        return longer >= self.settings.min_side and min(width, height) > 0.2 * longer

    def _start(
        self,
        observations: Sequence[Observation],
        stamp_ns: int,
        picture: tuple[int, int] | None,
    ) -> None:
        """Start tracks of new faces; a lost face that is found again keeps its id."""
        taken = [track.box for track in self.tracks]
        separate: list[tuple[Observation, Box]] = []
        for observation in observations:
            box = observation.box
            if all(box.iou(other) <= 0.4 for other in taken):
                separate.append((observation, box))
                taken.append(box)
        new = separate[: max(0, self.free_places)]
        if self._detected:
            self.untracked = len(separate) - len(new)
        found_again = self._lost.found_again([box for _, box in new], picture)
        for i, (observation, _) in enumerate(new):
            if i in found_again:
                track = found_again[i]
                track.restart(observation, stamp_ns)
            else:
                track = Track(self._next_id, stamp_ns, observation, stamp_ns, observation.presence)
                self._next_id += 1
            track.verified_ns, track.failed_checks = stamp_ns, 0
            self.tracks.append(track)
        self._lost.remove_found()
        self.tracks.sort(key=lambda t: t.id)
