# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One Euro filter: smooths slow values strongly and follows fast ones with little lag.

After Casiez, Roussel and Vogel, "1 Euro Filter" (CHI 2012). Time is that of the image stamps, so a
recording played at another speed gives the same result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class OneEuroSettings:
    """Settings of a :class:`OneEuro` filter.

    Attributes:
        min_cutoff: Hz; lower is smoother at rest.
        beta: Hz per unit of value per second; higher lags less in motion.
        speed_cutoff: Hz, of the speed's own filter.
    """

    min_cutoff: float = 1.5
    beta: float = 6.0
    speed_cutoff: float = 1.0


class OneEuro:
    """Filters an array over time, element by element.

    >>> still = OneEuro(OneEuroSettings())
    >>> [float(still(np.array([1.0]), n * 10**8)[0]) for n in range(3)]
    [1.0, 1.0, 1.0]
    """

    def __init__(self, settings: OneEuroSettings) -> None:
        self._settings = settings
        self._value: Floats | None = None
        self._speed: Floats | None = None
        self._stamp_ns = 0

    def __call__(self, values: Floats, stamp_ns: int, unit: float = 1.0) -> Floats:
        """Filter the values of one time step.

        The first values, and values whose stamp does not advance, are returned unchanged.


        Args:
            values: Any shape, the same at every call.
            stamp_ns: Time of the values.
            unit: Size of one unit of value, e.g. the size of the face in pixels.

        Returns:
            The filtered values, of the same shape.
        """
        dt = (stamp_ns - self._stamp_ns) * 1e-9
        if self._value is None or self._speed is None or dt <= 0:
            self._value, self._speed = values.copy(), np.zeros_like(values)
            self._stamp_ns = stamp_ns
            return values
        s = self._settings
        step = values - self._value
        speed = step / dt
        turn = 2 * math.pi * dt
        slow = turn * s.speed_cutoff
        self._speed = self._speed + slow / (slow + 1) * (speed - self._speed)
        # 2 pi dt times the cutoff of each number: min_cutoff + beta |speed| / unit.
        r = np.abs(self._speed) * (turn * s.beta / unit) + turn * s.min_cutoff
        self._value = self._value + r / (r + 1) * step
        self._stamp_ns = stamp_ns
        return self._value.copy()
