# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of repeated times: quartiles, paired ratios, means without the best and worst run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Median and quartiles of several measurements.

    Attributes:
        median: The median.
        low: The first quartile.
        high: The third quartile.
        count: Number of measurements.
    """

    median: float
    low: float
    high: float
    count: int

    def text(self, digits: int = 2) -> str:
        """Median and quartiles as text.

        >>> quartiles([1.0, 2.0, 3.0, 4.0, 5.0]).text(1)
        '3.0 (2.0 .. 4.0)'
        """
        middle, low, high = (f"{v:.{digits}f}" for v in (self.median, self.low, self.high))
        return f"{middle} ({low} .. {high})"


def quartiles(values: Sequence[float]) -> Quartiles:
    """The quartiles of at least one value."""
    low, median, high = (round(float(v), 4) for v in np.percentile(values, [25, 50, 75]))
    return Quartiles(median, low, high, len(values))


def ratios(first: Sequence[float], second: Sequence[float]) -> Quartiles:
    """Quartiles of the ratios of paired values; load that slows both of a pair cancels out.

    >>> ratios([1.0, 8.0, 3.0], [2.0, 16.0, 6.0]).median
    0.5
    """
    return quartiles([a / max(b, 1e-9) for a, b in zip(first, second, strict=True)])


def trimmed(values: Sequence[float]) -> list[float]:
    """The sorted values without the smallest and the largest, if there are three or more.

    ros2_benchmark leaves out the best and the worst run in the same way.

    >>> trimmed([5.0, 1.0, 3.0, 2.0, 4.0])
    [2.0, 3.0, 4.0]
    """
    ordered = sorted(values)
    return ordered[1:-1] if len(ordered) >= 3 else ordered
