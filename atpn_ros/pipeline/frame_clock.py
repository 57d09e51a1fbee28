# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Derives the time of each image from stamps that may be missing, repeated, in bursts or swapped.

Tracking divides by the time between two images, and the detector runs at intervals of time. Both
fail with stamps that do not advance with the images. Where stamps are regular this clock equals
them; elsewhere it advances by the camera's period per image.
"""

from __future__ import annotations

from collections import deque
from statistics import median

STAMP_ZERO = "stamp is zero"
STAMP_REPEATED = "stamp equals that of the previous image"
STAMP_OLDER = "stamp is older than that of an earlier image"
STAMP_CLOSE = "stamp is too close to that of the previous image"
STAMP_PROBLEMS = (STAMP_ZERO, STAMP_REPEATED, STAMP_OLDER, STAMP_CLOSE)

WENT_BACK = "time went back"
JUMPED_FORWARD = "time jumped forward"

_DEFAULT_PERIOD_NS = 33_333_333
_SHORTEST_NS = 3_000_000
"""No camera that is processed image by image has a shorter period."""
_SUSPECT_NS = 12_000_000
"""A step below this is part of a burst if it is also much shorter than the camera's period."""
_BURST_SHARE = 0.4
_LONGEST_REORDER_NS = 500_000_000
_LONGEST_AHEAD_NS = 1_000_000_000
"""Stamps of whole seconds repeat for this long."""
_ENOUGH_STEPS = 5
"""After this many steps the camera's period is known."""


class FrameClock:
    """The time of each image, from its stamp.

    Only the stamps are used, so the same stamps give the same times.

    Attributes:
        time_ns: Time of the last image. It always increases, until a jump.
        problem: What was wrong with the last stamp, one of :data:`STAMP_PROBLEMS`, or empty.

    >>> clock = FrameClock()
    >>> [(clock.advance(s, 10**9), clock.time_ns)[1] for s in (10**9, 1_040_000_000, 0, 0)]
    [1000000000, 1040000000, 1080000000, 1120000000]
    >>> clock.problem
    'stamp is zero'
    """

    def __init__(self) -> None:
        self.time_ns = 0
        self.problem = ""
        self._newest_ns: int | None = None
        self._period_ns = _DEFAULT_PERIOD_NS
        self._ahead_ns = 0  # of the stamps
        self._periods: deque[float] = deque(maxlen=15)
        self._burst: list[int] = []  # steps since the last usable one

    def reset(self) -> None:
        """Forget all stamps: the next one is the first."""
        self._newest_ns, self.problem = None, ""
        self._period_ns, self._ahead_ns = _DEFAULT_PERIOD_NS, 0
        self._periods.clear()
        self._burst.clear()

    def advance(self, stamp_ns: int, jump_ns: int) -> str:
        """Go on to the next image.

        Args:
            stamp_ns: Its stamp.
            jump_ns: A step forward by more than this is a jump.

        Returns:
            Why this is a jump, :data:`WENT_BACK` or :data:`JUMPED_FORWARD`: the clock is unchanged,
            and must be reset and advanced again. Empty if it is none.
        """
        newest = self._newest_ns
        if newest is None:
            self.time_ns = self._newest_ns = stamp_ns
            self.problem = ""  # a recording may begin at 0
            return ""
        if newest == 0 and stamp_ns > jump_ns:  # the first stamp of a camera that had none
            self._newest_ns, self._ahead_ns, self.problem = stamp_ns, 0, ""
            self.time_ns += self._period_ns
            return ""
        step = stamp_ns - newest
        self.problem = self._problem(stamp_ns, step)
        if self.problem in (STAMP_ZERO, STAMP_REPEATED, STAMP_OLDER):
            self._step_by_period(0)
            return ""
        if step < 0 or step - self._ahead_ns > jump_ns:
            return WENT_BACK if step < 0 else JUMPED_FORWARD
        self._newest_ns = stamp_ns
        if self.problem:
            self._step_by_period(step)
        else:
            taken = max(step - self._ahead_ns, self._period_ns // 2) if self._ahead_ns else step
            self.time_ns += taken
            self._ahead_ns += taken - step
            self._measure_period(step)
        self._ahead_ns = min(self._ahead_ns, _LONGEST_AHEAD_NS)
        return ""

    def _problem(self, stamp_ns: int, step: int) -> str:
        if stamp_ns == 0:
            return STAMP_ZERO
        if step == 0:
            return STAMP_REPEATED
        if -min(5 * self._period_ns // 2, _LONGEST_REORDER_NS) <= step < 0:
            return STAMP_OLDER
        known = len(self._periods) >= _ENOUGH_STEPS  # before, a fast camera looks like bursts
        suspect = min(_SUSPECT_NS, _BURST_SHARE * self._period_ns) if known else 0.0
        return STAMP_CLOSE if 0 < step < max(_SHORTEST_NS, suspect) else ""

    def _step_by_period(self, step: int) -> None:
        """Advance by the period instead of a step; later steps compensate for the difference."""
        self._burst.append(step)
        self.time_ns += self._period_ns
        self._ahead_ns += self._period_ns - step

    def _measure_period(self, step: int) -> None:
        """Update the period: the median over bursts, or single images, of their mean step."""
        self._periods.append((sum(self._burst) + step) / (len(self._burst) + 1))
        self._burst.clear()
        self._period_ns = max(_SHORTEST_NS, round(median(self._periods)))
