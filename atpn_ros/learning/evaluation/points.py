# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Layouts of points, and what of two layouts can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.types import Floats

GROUPS68: Mapping[str, tuple[int, ...]] = {
    "jaw": tuple(range(17)),
    "brows": tuple(range(17, 27)),
    "nose": tuple(range(27, 36)),
    "eyes": tuple(range(36, 48)),
    "mouth": tuple(range(48, 68)),
}
"""The parts of a face among iBUG's 68 points."""

GROUPS98: Mapping[str, tuple[int, ...]] = {
    ("jaw" if name == "contour" else name): points
    for name, points in landmark_layouts.GROUPS98.items()
}
"""The same among the 98, with the pupils."""

_OUTER68 = (36, 45)
_OUTER98 = (landmark_layouts.RIGHT_EYE_OUTER, landmark_layouts.LEFT_EYE_OUTER)


@dataclass(frozen=True, slots=True)
class Layout:
    """The points that a model gives or a set has labelled.

    Attributes:
        name: As users write it.
        count: How many.
        ibug68: For each of iBUG's 68 points its index among them.
    """

    name: str
    count: int
    ibug68: tuple[int, ...]

    def to68(self, points: Floats) -> Floats:
        """(..., 68, 2) of (..., count, 2)."""
        return points[..., np.asarray(self.ibug68), :]


WFLW98 = Layout("wflw98", 98, landmark_layouts.IBUG68_IN_WFLW98)
IBUG68 = Layout("ibug68", 68, tuple(range(68)))
NAMED: Mapping[str, Layout] = {
    "wflw98": WFLW98,
    "ibug68": IBUG68,
    "hri70": Layout("hri70", 70, tuple(range(68))),
}
"""The layouts that have a name."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Points of a prediction and of a truth that mean the same: both (N, K, 2).

    Attributes:
        predicted: Pixels.
        truth: Pixels.
        groups: The parts of the face among the K.
        size: (N,) distance between the outer eye corners of the truth.
    """

    predicted: Floats
    truth: Floats
    groups: Mapping[str, tuple[int, ...]]
    size: Floats

    def distances(self) -> Floats:
        """(N, K) distances in percent of the distance between the outer eye corners."""
        apart = np.linalg.norm(self.predicted - self.truth, axis=-1)
        return np.asarray(apart / self.size[:, None] * 100)


def readings(predicted: Floats, of: Layout, truth: Floats, labelled: Layout) -> dict[str, Pairing]:
    """Ways to read a prediction against a truth.

    ``raw`` compares points of the same index. Where 98 points meet 68, ``clicked`` takes the brows'
    middles of the 98 instead, which iBUG's annotators click.

    Args:
        predicted: (N, of.count, 2).
        of: The model's layout.
        truth: (N, labelled.count, 2).
        labelled: The set's layout.
    """
    if of == labelled == WFLW98:
        size = _apart(truth, _OUTER98)
        return {"raw": Pairing(predicted, truth, GROUPS98, size)}
    wanted = labelled.to68(truth)
    size = _apart(wanted, _OUTER68)
    out = {"raw": Pairing(of.to68(predicted), wanted, GROUPS68, size)}
    if of == WFLW98:
        out["clicked"] = Pairing(
            landmark_layouts.to_annotated_ibug68(predicted), wanted, GROUPS68, size
        )
    elif labelled == WFLW98:
        clicked = landmark_layouts.to_annotated_ibug68(truth)
        out["clicked"] = Pairing(of.to68(predicted), clicked, GROUPS68, size)
    return out


def _apart(points: Floats, corners: tuple[int, int]) -> Floats:
    a, b = corners
    return np.asarray(np.linalg.norm(points[:, a] - points[:, b], axis=-1))
