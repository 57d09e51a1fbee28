# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From many measurements to a figure that can be believed: rounds, middles and spreads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of several measurements, and between what half of them lie.

    Attributes:
        median: Half are less.
        low: A quarter are less.
        high: A quarter are more.
        count: Of how many.
    """

    median: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 2) -> str:
        """For people.

        >>> spread([1.0, 2.0, 3.0, 4.0, 5.0]).text(1)
        '3.0 (2.0 .. 4.0)'
        """
        middle, low, high = (f"{v:.{digits}f}" for v in (self.median, self.low, self.high))
        return f"{middle} ({low} .. {high})"


def spread(values: Sequence[float]) -> Spread:
    """The spread of one value or more."""
    low, median, high = (round(float(v), 4) for v in np.percentile(values, [25, 50, 75]))
    return Spread(median, low, high, len(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours over theirs, pair by pair: what slowed a whole pair down falls out.

    >>> ratios([1.0, 8.0, 3.0], [2.0, 16.0, 6.0]).median
    0.5
    """
    return spread([a / max(b, 1e-9) for a, b in zip(ours, theirs, strict=True)])


def trimmed(values: Sequence[float]) -> list[float]:
    """Without the best and the worst of at least three runs, after ros2_benchmark's method.

    >>> trimmed([5.0, 1.0, 3.0, 2.0, 4.0])
    [2.0, 3.0, 4.0]
    """
    ordered = sorted(values)
    return ordered[1:-1] if len(ordered) >= 3 else ordered
