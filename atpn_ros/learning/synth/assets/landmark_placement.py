# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures systematic offsets of the rendered landmarks against hand-placed ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atpn_ros.learning.data import london
from atpn_ros.learning.synth.assets import fitting
from atpn_ros.learning.synth.assets.head_model import HeadModel
from atpn_ros.types import Floats

GROUPS: dict[str, tuple[int, ...]] = {
    "contour": tuple(range(33)),
    "brows": tuple(range(33, 51)),
    "nose bridge": (51, 52, 53, 54),
    "nose base": (55, 56, 57, 58, 59),
    "eye corners": (60, 64, 68, 72),
    "lids": (61, 62, 63, 65, 66, 67, 69, 70, 71, 73, 74, 75),
    "outer lips": tuple(range(76, 88)),
    "inner lips": tuple(range(88, 96)),
}


def offsets(head: HeadModel, folder: Path) -> dict[str, tuple[float, float, float]]:
    """For each group three figures in % of the distance between the eyes' outer corners.

    The mean distance after a fit to all points; the length of the mean offset (what would be a
    difference of convention) after the same fit; and the mean distance when the fit has not seen
    the group.
    """
    targets = [london.to_wflw98(p.points) for p in london.load(folder)]
    whole = np.stack([_offset(head, t, None) for t in targets])
    out = {}
    for name, group in GROUPS.items():
        index = list(group)
        blind = np.stack([_offset(head, t, group)[index] for t in targets])
        out[name] = (
            float(np.linalg.norm(whole[:, index], axis=2).mean()),
            float(np.linalg.norm(whole[:, index].mean(axis=0), axis=1).mean()),
            float(np.linalg.norm(blind, axis=2).mean()),
        )
    return out


def _offset(head: HeadModel, target: Floats, without: tuple[int, ...] | None) -> Floats:
    fitted = fitting.fit(head, target, without=without)
    vertices = head.vertices(fitted.identity, fitted.expression)
    size = float(np.linalg.norm(target[60] - target[72]))
    return (fitted.project(head.points.at(vertices)) - target) / size * 100
