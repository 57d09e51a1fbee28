# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decides whether a person looks at a target, from the gaze direction and its expected error.

A person looks at the target while the angle between the gaze and the line to the target is below a
limit, the root of ``looking_angle^2 + spread^2``, for a short time. An uncertain gaze, such as the
direction of the head during a blink, has a wider limit, so that it does not end the decision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from atpn_ros.types import Floats, Gaze

HYSTERESIS = 1.3
"""Looking ends at the limit times this factor, so that it does not flicker at the limit."""

CAMERA_ORIGIN: Floats = np.zeros(3)
"""The target of people who look at the camera, in the camera frame."""


@dataclass(frozen=True, slots=True)
class LookingSettings:
    """Settings of a :class:`LookingEstimator`.

    Attributes:
        angle: Greatest angle to the target, radians, of an exactly known gaze that looks at it.
        delay_ns: How long a gaze must contradict the decision before it changes.
    """

    angle: float = math.radians(10.0)
    delay_ns: int = 200_000_000


@dataclass(slots=True)
class _Decision:
    """Whether a person looks, and since when the gaze contradicts it."""

    looking: bool
    since_ns: int | None = None


class LookingEstimator:
    """Adds the angle to the target, and whether the person looks at it, to gazes of tracks.

    Attributes:
        settings: May be replaced between frames.
    """

    def __init__(self, settings: LookingSettings) -> None:
        self.settings = settings
        self._decisions: dict[int, _Decision] = {}

    def estimate(self, track_id: int, gaze: Gaze, line: Floats | None, stamp_ns: int) -> Gaze:
        """The gaze with ``angle_to_target`` and ``looking``.

        Args:
            track_id: The track; the decision has hysteresis for each.
            gaze: Its gaze in this frame.
            line: (3,) from the person to the target, any length, in the frame of the gaze's
                direction; None if unknown. ``looking`` is then false.
            stamp_ns: Stamp of the frame.
        """
        angle = None if line is None else angle_between_directions(gaze.direction, line)
        if angle is None:
            self.drop(track_id)
            return replace(gaze, angle_to_target=None, looking=False)
        limit = math.hypot(self.settings.angle, gaze.spread)
        decision = self._decisions.get(track_id)
        if decision is None:
            decision = self._decisions[track_id] = _Decision(angle < limit)
        meets = angle < limit * (HYSTERESIS if decision.looking else 1.0)
        if meets == decision.looking:
            decision.since_ns = None
        else:
            if decision.since_ns is None:
                decision.since_ns = stamp_ns
            if stamp_ns - decision.since_ns >= self.settings.delay_ns:
                decision.looking, decision.since_ns = meets, None
        return replace(gaze, angle_to_target=angle, looking=decision.looking)

    def drop(self, track_id: int) -> None:
        """Forget a face that was lost."""
        self._decisions.pop(track_id, None)

    def reset(self) -> None:
        """Forget all faces."""
        self._decisions.clear()


def line_to_target(target: Floats | None, position: Floats | None, ray: Floats) -> Floats | None:
    """The line from a person to a target.

    Args:
        target: (3,) metres in the camera frame, :data:`CAMERA_ORIGIN` for the camera itself; None
            if unknown.
        position: (3,) metres of the sellion in the camera frame, None if unknown.
        ray: (3,) from the camera to the face, any length.

    Returns:
        (3,) any length; None if the target is unknown, or if it is not the camera and the position
        is unknown.
    """
    if target is None:
        return None
    if position is not None:
        return target - position
    return None if target.any() else -ray


def angle_between_directions(a: Floats, b: Floats) -> float | None:
    """Angle between two (3,) vectors, 0..pi; None where one has no direction.

    >>> angle_between_directions(np.array([0.0, 0.0, 2.0]), np.array([0.0, 0.0, 1.0]))
    0.0
    """
    # By the arc tangent: an arc cosine is inexact for small angles. In plain numbers: numpy's cross
    # product takes longer than all the rest of the decision.
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    along = ax * bx + ay * by + az * bz
    across = math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    if not math.isfinite(along + across) or along == across == 0.0:
        return None
    return math.atan2(across, along)
