# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of landmarks: NME, failures, areas, by subset, by part of the face, by skin tone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.learning.evaluation.points import Pairing
from atpn_ros.learning.evaluation.statistics import Estimate, area, estimate, failures


@dataclass(frozen=True, slots=True)
class LandmarkFigures:
    """Of one reading of one set of predictions. Errors are in percent of the inter-ocular distance.

    Attributes:
        nme: Mean over faces of the mean over points.
        fr10: Percent of faces beyond 10 %.
        auc10: Area under the cumulative error curve up to 10 %, 0..1.
        auc8: Up to 8 %.
        subsets: NME and FR@10 of each part of the set.
        groups: NME of each part of the face.
        errors: (N,) of each face, for plots.
    """

    nme: Estimate | None
    fr10: Estimate | None
    auc10: Estimate | None
    auc8: Estimate | None
    subsets: Mapping[str, Mapping[str, Estimate | None]]
    groups: Mapping[str, Estimate | None]
    errors: tuple[float, ...]


def landmark_figures(pairing: Pairing, subsets: Sequence[str]) -> LandmarkFigures:
    """The figures of N faces.

    Args:
        pairing: Their points.
        subsets: Which part of the set each is of.
    """
    distances = pairing.distances()
    errors = distances.mean(axis=1)
    named = np.asarray(subsets)
    parts = {
        name: {"nme": estimate(errors[named == name]), "fr10": failures(errors[named == name])}
        for name in sorted(set(subsets))
    }
    return LandmarkFigures(
        estimate(errors), failures(errors), area(errors), area(errors, 8.0),
        parts if len(parts) > 1 else {},
        {name: estimate(distances[:, list(index)].mean(axis=1))
         for name, index in pairing.groups.items()},
        tuple(np.round(errors, 4).tolist()),
    )  # fmt: skip
