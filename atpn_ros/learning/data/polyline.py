# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arc length of polylines, and interpolation of points along them."""

from __future__ import annotations

import numpy as np

from atpn_ros.types import Floats


def arc_length(line: Floats) -> Floats:
    """(N,) length along an (N, D) polyline from its first point to each of its points."""
    return np.concatenate([[0.0], np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum()])


def points_at(line: Floats, length: Floats, wanted: Floats) -> Floats:
    """(K, D) points at the (K,) ``wanted`` lengths along an (N, D) line; ``length`` is (N,)."""
    return np.stack([np.interp(wanted, length, line[:, d]) for d in range(line.shape[1])], axis=1)
