# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names of the age groups by which errors on rendered faces are reported."""

from __future__ import annotations

import numpy as np

AGE_GROUPS = ("infant", "child", "youth", "adult", "elder")
"""From the youngest to the oldest."""

GROUP_EDGES = (0.1, 0.35, 0.55, 0.85)
"""Where one group ends and the next begins, on the scale of the rendered head's age.

The scale is that of the package anny: 0 is a baby, 1/3 a child, 2/3 a young adult, 1 an old person.
"""


def age_group(age: float) -> str:
    """The group of an age from 0 to 1.

    >>> [age_group(a) for a in (0.0, 0.2, 0.4, 0.7, 1.0)]
    ['infant', 'child', 'youth', 'adult', 'elder']
    """
    return AGE_GROUPS[int(np.searchsorted(GROUP_EDGES, age, side="right"))]
