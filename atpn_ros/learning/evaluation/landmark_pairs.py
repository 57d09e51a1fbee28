# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs predicted landmarks with labelled ones of the same or another layout, and their NME."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.layouts import GROUPS68, GROUPS98, WFLW98, Layout
from atpn_ros.types import Floats

_OUTER98 = (landmark_layouts.RIGHT_EYE_OUTER, landmark_layouts.LEFT_EYE_OUTER)
_OUTER68 = (
    landmark_layouts.IBUG68_IN_WFLW98.index(_OUTER98[0]),
    landmark_layouts.IBUG68_IN_WFLW98.index(_OUTER98[1]),
)


@dataclass(frozen=True, slots=True)
class Pairing:
    """(N, K, 2) predicted points and the (N, K, 2) labelled points that they correspond to.

    Attributes:
        predicted: Pixels.
        truth: Pixels.
        groups: The parts of the face among the K.
        size: (N,) inter-ocular distance of the truth (outer eye corners), pixels.
    """

    predicted: Floats
    truth: Floats
    groups: Mapping[str, tuple[int, ...]]
    size: Floats

    def distances(self) -> Floats:
        """(N, K) distances in percent of the inter-ocular distance."""
        apart = np.linalg.norm(self.predicted - self.truth, axis=-1)
        return np.asarray(apart / self.size[:, None] * 100)


def pair_landmarks(
    predicted: Floats, of: Layout, truth: Floats, labelled: Layout
) -> dict[str, Pairing]:
    """Pair predictions with labels, by name of the pairing.

    ``raw`` compares points of the same index. Where 98 points meet 68, ``annotated`` takes the
    brows' middles of the 98 instead, which iBUG's annotators mark.

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
        out["annotated"] = Pairing(
            landmark_layouts.to_annotated_ibug68(predicted), wanted, GROUPS68, size
        )
    elif labelled == WFLW98:
        annotated = landmark_layouts.to_annotated_ibug68(truth)
        out["annotated"] = Pairing(of.to68(predicted), annotated, GROUPS68, size)
    return out


def _apart(points: Floats, corners: tuple[int, int]) -> Floats:
    a, b = corners
    return np.asarray(np.linalg.norm(points[:, a] - points[:, b], axis=-1))
