# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Landmark accuracy: NME, failure rate and area under the curve, by subset and part of the face."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.learning.evaluation.landmark_pairs import Pairing
from atpn_ros.learning.evaluation.statistics import Estimate, area, estimate, failures


@dataclass(frozen=True, slots=True)
class LandmarkMetrics:
    """Accuracy of one pairing. Errors are in percent of the inter-ocular distance.

    Attributes:
        nme: Mean over faces of the mean over points.
        fr10: Percent of faces beyond 10 %.
        auc10: Area under the cumulative error curve up to 10 %, 0..1.
        auc8: Up to 8 %.
        subsets: NME, FR@10 and AUC@10 of each part of the set.
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


def landmark_metrics(pairing: Pairing, tags: Sequence[Collection[str]]) -> LandmarkMetrics:
    """The metrics of N faces.

    Args:
        pairing: Their points.
        tags: The parts of the data set that each face belongs to.
    """
    distances = pairing.distances()
    errors = distances.mean(axis=1)
    parts = {}
    for name in sorted({tag for names in tags for tag in names}):
        part = errors[np.array([name in names for names in tags])]
        parts[name] = {"nme": estimate(part), "fr10": failures(part), "auc10": area(part)}
    one = len(parts) == 1 and all(tags)
    return LandmarkMetrics(
        estimate(errors), failures(errors), area(errors), area(errors, 8.0),
        {} if one else parts,
        {name: estimate(distances[:, list(index)].mean(axis=1))
         for name, index in pairing.groups.items()},
        tuple(np.round(errors, 4).tolist()),
    )  # fmt: skip
