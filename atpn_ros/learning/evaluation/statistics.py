# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Means with bootstrap intervals, failure rate, area under the curve, and ROC curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from atpn_ros.types import Floats

_ROUNDS = 2000
_NUMBERS = 2_000_000
"""Of one draw, so that large sets need no more memory."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval over faces (bootstrap with a fixed seed).

    Attributes:
        value: Of all faces.
        low: Lower end.
        high: Upper end.
        count: How many faces, or eyes, or the like.
    """

    value: float
    low: float
    high: float
    count: int

    @property
    def margin(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2


def estimate(values: Floats) -> Estimate | None:
    """The mean of (N,) values; None of no values.

    >>> estimate(np.array([2.0, 2.0]))
    Estimate(value=2.0, low=2.0, high=2.0, count=2)
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return None
    rng = np.random.default_rng(0)
    together = max(1, _NUMBERS // len(values))
    means = np.concatenate([
        values[rng.integers(0, len(values), (min(together, _ROUNDS - i), len(values)))].mean(axis=1)
        for i in range(0, _ROUNDS, together)
    ])  # fmt: skip
    low, high = np.percentile(means, (2.5, 97.5))
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def failures(errors: Floats, limit: float = 10.0) -> Estimate | None:
    """Percent of errors above a limit, both in percent."""
    return estimate((np.asarray(errors) > limit) * 100.0)


def area(errors: Floats, limit: float = 10.0) -> Estimate | None:
    """Area under the cumulative error curve from 0 to a limit, over the limit.

    >>> area(np.array([0.0, 5.0, 20.0])).value
    0.5
    """
    # The area is the mean over faces of the part of the axis beyond the face's error.
    return estimate(np.clip(1 - np.asarray(errors) / limit, 0, None))


@dataclass(frozen=True, slots=True)
class Roc:
    """Receiver operating characteristic: how well scores separate positives from negatives.

    Attributes:
        auc: Area under the curve, 0..1.
        hits_at_1: Percent of the positives that are found at 1 % false alarms.
        false_alarms: (P,) share of negatives above each threshold, rising.
        hits: (P,) share of positives above it.
        positives: How many.
        negatives: How many.
    """

    auc: float
    hits_at_1: float
    false_alarms: tuple[float, ...]
    hits: tuple[float, ...]
    positives: int
    negatives: int


def roc(positive: Floats, negative: Floats, points: int = 101) -> Roc:
    """The curve of scores, thinned to some points.

    >>> roc(np.array([0.9, 0.8]), np.array([0.1, 0.8])).auc
    0.875
    """
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    p, n = np.sort(positive), np.sort(negative)
    above: Callable[[Floats], Floats] = lambda v: (  # noqa: E731
        1 - np.searchsorted(v, thresholds, side="left") / len(v)
    )
    hits, alarms = np.r_[0.0, above(p)], np.r_[0.0, above(n)]
    auc = float(((hits[1:] + hits[:-1]) / 2 * np.diff(alarms)).sum())
    at_1 = float(hits[alarms <= 0.01].max() * 100)
    keep = np.unique(np.linspace(0, len(hits) - 1, min(points, len(hits))).astype(int))
    return Roc(auc, at_1, tuple(alarms[keep].tolist()), tuple(hits[keep].tolist()),
               len(p), len(n))  # fmt: skip
