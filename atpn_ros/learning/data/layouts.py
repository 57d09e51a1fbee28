# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Named landmark layouts of data sets (98 and 68 points) for training and evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.types import Floats

GROUPS98: Mapping[str, tuple[int, ...]] = {
    ("jaw" if name == "contour" else name): points
    for name, points in landmark_layouts.GROUPS98.items()
}
"""The parts of a face among WFLW's 98 points."""

GROUPS68: Mapping[str, tuple[int, ...]] = {
    name: tuple(i for i, k in enumerate(landmark_layouts.IBUG68_IN_WFLW98) if k in points)
    for name, points in GROUPS98.items()
    if name != "pupils"
}
"""The same among iBUG's 68, which have no pupils."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The landmarks that a model predicts or a data set has labelled.

    Attributes:
        name: As users write it.
        count: Number of points.
        ibug68: For each of iBUG's 68 points its index among them.
    """

    name: str
    count: int
    ibug68: tuple[int, ...]

    def to68(self, points: Floats) -> Floats:
        """(..., 68, 2) iBUG points of (..., count, 2) points."""
        return points[..., np.asarray(self.ibug68), :]


WFLW98 = Layout("wflw98", landmark_layouts.WFLW98, landmark_layouts.IBUG68_IN_WFLW98)
IBUG68 = Layout("ibug68", landmark_layouts.IBUG68, tuple(range(landmark_layouts.IBUG68)))
HRI70 = Layout("hri70", len(landmark_layouts.HRI70_IN_WFLW98), IBUG68.ibug68)

LAYOUTS: Mapping[str, Layout] = {layout.name: layout for layout in (WFLW98, IBUG68, HRI70)}
"""The layouts that can be chosen by name."""
