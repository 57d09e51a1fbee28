# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Computes percentiles of durations."""

from __future__ import annotations

from collections import deque

import numpy as np


def percentiles_ms(values_ns: deque[int] | list[int], *shares: float) -> list[float]:
    """Percentiles of nanoseconds in milliseconds; zeros where there is nothing.

    >>> percentiles_ms([1_000_000, 3_000_000], 50)
    [2.0]
    """
    # list(): another thread may append while numpy walks.
    values = list(values_ns)
    if not values:
        return [0.0 for _ in shares]
    return [float(v) / 1e6 for v in np.percentile(values, shares)]
