# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Data association for tracking: linear assignment, and the distances that it minimises.

Used to match tracks with detections, observations and lost faces. A greedy choice fails where faces
are close together: the first track may take the face that the second one needs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from atpn_ros.crop import Crop
from atpn_ros.types import Array, Box, Floats


def assign(cost: Floats) -> list[tuple[int, int]]:
    """Solve the linear assignment problem: as many pairs as possible, at the least total cost.

    By shortest augmenting paths with potentials (Kuhn 1955, Jonker and Volgenant 1987), for
    matrices of a few dozen rows.

    Args:
        cost: (N, M), any N and M. Entries that are not finite are forbidden pairs.

    Returns:
        (row, column) pairs in the order of rows, each row and each column at most once.

    Raises:
        ValueError: The cost is not a matrix.

    >>> assign(np.array([[1.0, 2.0], [1.5, 9.0]]))
    [(0, 1), (1, 0)]
    >>> assign(np.array([[np.inf, 2.0], [np.inf, 1.0]]))
    [(1, 1)]
    """
    cost = np.asarray(cost, np.float64)
    if cost.ndim != 2:
        raise ValueError(f"cost must be a matrix, has {cost.ndim} dimensions")
    if cost.size == 0:
        return []
    allowed = np.isfinite(cost)
    known = cost[allowed]
    # One forbidden pair costs more than all others together could save.
    low = float(known.min()) if known.size else 0.0
    reach = float(known.max()) - low if known.size else 0.0
    filled = np.where(allowed, cost - low, (reach + 1.0) * (min(cost.shape) + 1))
    if cost.shape[0] <= cost.shape[1]:
        pairs = list(enumerate(_columns(filled)))
    else:
        pairs = sorted((row, column) for column, row in enumerate(_columns(filled.T)))
    return [(row, column) for row, column in pairs if allowed[row, column]]


def crop_distance(a: Crop, b: Crop) -> float:
    """Distance of two crops: of their centres over b's side, plus the log ratio of their sides.

    inf where a crop has no size.


    >>> crop_distance(Crop(10, 0, 20), Crop(0, 0, 20))
    0.5
    """
    if not min(a.side, b.side) > 0:
        return math.inf
    return math.hypot(a.cx - b.cx, a.cy - b.cy) / b.side + abs(math.log(a.side / b.side))


def reidentification_cost(last: Box, velocity: Sequence[float], lost_ns: int, box: Box) -> float:
    """Cost of giving a new face the id of a lost one.

    The distance from the last or the predicted position of the lost face, whichever is less, plus
    the log ratio of the sizes.

    Args:
        last: Box in which the face was lost, pixels.
        velocity: (2,) pixels per second when it was lost.
        lost_ns: Time since then.
        box: Box of the new face, pixels.

    Returns:
        In sizes of the lost face; inf if the faces are one size or more apart, or one is twice as
        large as the other.

    >>> reidentification_cost(Box(0, 0, 10, 10), (20.0, 0.0), 10**9, Box(20, 0, 10, 10))
    0.0
    """
    size = max(last.width, last.height, 1.0)
    ratio = max(box.width, box.height) / size
    if not 0.5 < ratio < 2.0:
        return math.inf
    ahead_s = max(0, lost_ns) * 1e-9
    vx, vy = velocity
    offsets = [
        (box.cx - last.cx - seconds * vx, box.cy - last.cy - seconds * vy)
        for seconds in (0.0, ahead_s)
    ]
    near = [math.hypot(x, y) for x, y in offsets if max(abs(x), abs(y)) < size]
    return min(near) / size + abs(math.log(ratio)) if near else math.inf


def _columns(cost: Floats) -> list[int]:
    """The column of each row, for (N, M) finite costs with N <= M."""
    rows, columns = cost.shape
    of_row, of_column = np.zeros(rows), np.zeros(columns)  # potentials
    taken: Array = np.full(columns, -1)  # row of each column
    for new in range(rows):
        shortest, before = np.full(columns, np.inf), np.full(columns, -1)
        done = np.zeros(columns, bool)
        row, column = new, -1
        reached = 0.0
        while True:
            path = reached + cost[row] - of_row[row] - of_column
            better = ~done & (path < shortest)
            shortest[better], before[better] = path[better], column
            column = int(np.argmin(np.where(done, np.inf, shortest)))
            done[column], reached = True, float(shortest[column])
            if taken[column] < 0:
                break
            row = int(taken[column])
        # Shift the potentials so that every edge of the found tree stays tight.
        slack = reached - shortest[done]
        of_row[new] += reached
        for held, less in zip(taken[done], slack, strict=True):
            if held >= 0:
                of_row[held] += less
        of_column[done] -= slack
        while column >= 0:  # invert the path
            previous = int(before[column])
            taken[column] = new if previous < 0 else taken[previous]
            column = previous
    out = [-1] * rows
    for column, row in enumerate(taken):
        if row >= 0:
            out[row] = column
    return out
