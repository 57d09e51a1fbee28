# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One tracked face: its last observation, its motion, and the image crops predicted from them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from atpn_ros.crop import Crop, crop_from_landmarks
from atpn_ros.types import Box, FaceState, Floats

_REVERIFICATION_SCALE, _REVERIFICATION_SHIFT = 1.25, 0.12
"""The re-verification crop's side and offset, both over the side of the predicted crop."""

_TENTATIVE_NS = 500_000_000
"""A track that continued for this long without a break is no longer tentative."""

_MEAN = np.full(98, 1 / 98)


@dataclass(frozen=True, slots=True)
class Observation:
    """The network's output for one crop, in image coordinates.

    Attributes:
        landmarks: (98, 2) image pixels.
        presence: Probability of a face, 0..1.
        index: Index of the crop in the frame's batch.
        evidence: Of the detection that the crop comes from, see
            :class:`atpn_ros.detectors.Detection`.
    """

    landmarks: Floats
    presence: float
    index: int = 0
    evidence: float = 0.0
    box: Box = field(init=False, compare=False)
    """The tight box of the landmarks; not finite where one of them is not."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", Box.around(self.landmarks))


@dataclass(slots=True, eq=False)
class Track:
    """One face that is tracked, or was lost recently."""

    id: int
    start_ns: int
    observation: Observation
    """The last observation that continued the track."""
    stamp_ns: int
    """Stamp of that observation."""
    presence: float
    """Presence of the last observation, whether or not it continued the track."""
    state: FaceState = FaceState.DETECTED
    frames_since_detection: int = 0
    confirmed: bool = False
    """Whether the detector found the face in the frame that is being processed."""
    velocity: Floats = field(default_factory=lambda: np.zeros(2))
    """(2,) pixels per second of the landmarks' mean, smoothed."""
    verified_ns: int = 0
    """Stamp at which the detector or a re-verification last confirmed the face."""
    failed_checks: int = 0
    """Number of consecutive failed re-verifications."""
    tentative: bool = True
    """Whether it never continued for half a second without a break; those of patterns rarely do."""
    resumed_ns: int = field(init=False)
    """Stamp at which it started, or was found again last."""

    def __post_init__(self) -> None:
        self.resumed_ns = self.start_ns

    @property
    def landmarks(self) -> Floats:
        """(98, 2) image pixels, unsmoothed."""
        return self.observation.landmarks

    @property
    def box(self) -> Box:
        """The tight box of the landmarks."""
        return self.observation.box

    def update(self, observation: Observation, stamp_ns: int) -> None:
        """Continue the track with an observation, and update the velocity."""
        dt = (stamp_ns - self.stamp_ns) * 1e-9
        if dt > 0:
            moved = _MEAN @ (observation.landmarks - self.landmarks)
            self.velocity = 0.5 * self.velocity + 0.5 * moved / dt
        self._set_observation(observation, stamp_ns)
        self.state = FaceState.TRACKED
        self.tentative = self.tentative and stamp_ns - self.resumed_ns < _TENTATIVE_NS

    def restart(self, observation: Observation, stamp_ns: int) -> None:
        """Resume a lost track, without velocity, from an observation of its face."""
        self.velocity, self.resumed_ns = np.zeros(2), stamp_ns
        self._set_observation(observation, stamp_ns)
        self.state, self.frames_since_detection = FaceState.DETECTED, 0

    def predicted_crop(self, stamp_ns: int) -> Crop:
        """The crop in which the face is expected at a time.

        Constant velocity for at most 0.2 s, and at most 0.35 sides of the crop.
        """
        crop = crop_from_landmarks(self.landmarks)
        dx, dy = self._expected_motion(stamp_ns, crop.side)
        return Crop(crop.cx + dx, crop.cy + dy, crop.side, crop.angle)

    def predicted_landmarks(self, stamp_ns: int) -> Floats:
        """(98, 2) image pixels: the last landmarks, moved as :meth:`predicted_crop` is."""
        side = crop_from_landmarks(self.landmarks).side
        return np.asarray(self.landmarks + self._expected_motion(stamp_ns, side))

    def _expected_motion(self, stamp_ns: int, side: float) -> tuple[float, float]:
        limit = 0.35 * side  # a wild velocity must not throw the face out of its own crop
        ahead = min(0.2, max(0, stamp_ns - self.stamp_ns) * 1e-9)
        x, y = self.velocity.tolist()
        return min(limit, max(-limit, x * ahead)), min(limit, max(-limit, y * ahead))

    def reverification_crop(self, stamp_ns: int) -> Crop:
        """A larger, shifted crop, in which the network should find a real face again.

        The horizontal shift changes sides after each failed check. On background, the network
        tends to place a face relative to the crop, so its landmarks move with the crop.
        """
        crop = self.predicted_crop(stamp_ns)
        side = 1 if (self.id + self.failed_checks) % 2 else -1
        dx, dy = Crop(0.0, 0.0, crop.side, crop.angle).to_image(
            np.array([0.5 + side * _REVERIFICATION_SHIFT, 0.5 - _REVERIFICATION_SHIFT / 2])
        )
        return Crop(
            crop.cx + float(dx),
            crop.cy + float(dy),
            crop.side * _REVERIFICATION_SCALE,
            crop.angle,
        )

    def _set_observation(self, observation: Observation, stamp_ns: int) -> None:
        self.observation, self.stamp_ns = observation, stamp_ns
        self.presence = observation.presence
