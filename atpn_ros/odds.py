# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Log odds of probabilities, in which independent evidence adds up."""

from __future__ import annotations

import math

_LEAST = 1e-6
"""Probabilities nearer to 0 or 1 count as this near."""


def log_odds(probability: float) -> float:
    """Logarithm of p / (1 - p).

    >>> log_odds(0.5), round(log_odds(0.9), 3), round(log_odds(1.0), 1)
    (0.0, 2.197, 13.8)
    """
    p = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(p / (1 - p))


def probability(odds: float) -> float:
    """The inverse of :func:`log_odds`.

    >>> round(probability(log_odds(0.3)), 3), probability(-1000.0)
    (0.3, 0.0)
    """
    return 0.5 * (1 + math.tanh(odds / 2))
