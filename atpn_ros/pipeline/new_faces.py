# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When a new face starts a track: presence, the detector's evidence, and what is uncertain."""

from __future__ import annotations

from collections.abc import Mapping

from atpn_ros.odds import log_odds, probability

_NEARLY = 4.0
"""A new face is uncertain if its presence lacks at most these log odds."""

_MOST = 4
"""Uncertain faces that get a second crop in one frame, so that its cost is bounded."""

_EARLY_SEARCHES = 10
"""So many runs of the detector are early after an uncertain face, and so many are not before some
are again, so that a pattern that resembles a face does not keep it running."""


def presence_to_start(start: float, keep: float, evidence: float) -> float:
    """Presence that starts a track, with the evidence of the detection.

    Log odds of independent evidence add up.

    Args:
        start: Presence that is needed without evidence; 1 or more: nothing starts a track.
        keep: Presence that continues a track; at least this is needed, or the track would end.
        evidence: Log odds, see :class:`atpn_ros.detectors.Detection`.

    >>> presence_to_start(0.7, 0.5, 0.0), round(presence_to_start(0.7, 0.5, -2.0), 3)
    (0.7, 0.945)
    >>> presence_to_start(0.7, 0.5, 9.0)
    0.5
    """
    if not evidence or start >= 1.0:
        return start
    return max(probability(log_odds(start) - evidence), keep)


def uncertain(missing: Mapping[int, float]) -> list[int]:
    """Those of new faces that nearly start a track, the nearest first, and not more than a few.

    Args:
        missing: Log odds that each face lacks, by its index; 0 or less: none.

    >>> uncertain({3: 2.0, 4: 0.5, 5: -1.0, 6: 5.0})
    [4, 3]
    """
    near = [i for i, odds in missing.items() if 0 < odds <= _NEARLY]
    return sorted(near, key=lambda i: missing[i])[:_MOST]


class EarlySearches:
    """Whether the detector runs earlier than usual, because a new face was uncertain."""

    def __init__(self) -> None:
        self._left = -_EARLY_SEARCHES  # below 0: runs until some may be early again

    @property
    def due(self) -> bool:
        """Whether the next run is early."""
        return self._left > 0

    def reset(self) -> None:
        """Forget all runs."""
        self._left = -_EARLY_SEARCHES

    def count(self, has_uncertain: bool) -> None:
        """Count a run of the detector.

        Args:
            has_uncertain: Whether it found a new face that nearly started a track.
        """
        if self._left > -_EARLY_SEARCHES:
            self._left -= 1
        elif has_uncertain:
            self._left = _EARLY_SEARCHES
