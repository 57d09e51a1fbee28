# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far one sight of a face is from another, in its own sizes: what pairing them costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from atpn_ros.crop import Crop
from atpn_ros.types import Box


def apart(a: Crop, b: Crop) -> float:
    """How far two crops are from each other: in place over b's side, and in size.

    >>> apart(Crop(10, 0, 20), Crop(0, 0, 20))
    0.5
    """
    if not min(a.side, b.side) > 0:
        return math.inf
    return math.hypot(a.cx - b.cx, a.cy - b.cy) / b.side + abs(math.log(a.side / b.side))


def reidentification_cost(last: Box, velocity: Sequence[float], gone_ns: int, box: Box) -> float:
    """How far a found face is from where a lost one was, or would be now if it went on.

    Args:
        last: Where it was lost.
        velocity: (2,) its pixels per second then.
        gone_ns: Time since then.
        box: Where a face was found.

    Returns:
        Sizes of the lost face; inf for another face: its own size away or more, or half or twice
        as large.

    >>> reidentification_cost(Box(0, 0, 10, 10), (20.0, 0.0), 10**9, Box(20, 0, 10, 10))
    0.0
    """
    size = max(last.width, last.height, 1.0)
    ratio = max(box.width, box.height) / size
    if not 0.5 < ratio < 2.0:
        return math.inf
    ahead_s = max(0, gone_ns) * 1e-9
    vx, vy = velocity
    ways = [
        (box.cx - last.cx - seconds * vx, box.cy - last.cy - seconds * vy)
        for seconds in (0.0, ahead_s)
    ]
    near = [math.hypot(x, y) for x, y in ways if max(abs(x), abs(y)) < size]
    return min(near) / size + abs(math.log(ratio)) if near else math.inf
