# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mesh decimation by vertex clustering, for rendering the head in small pictures.

Corners in one grid cell merge into one of them. So the shapes of the full mesh also deform the
decimated mesh, and landmarks, which lie on the full mesh, do not move. Cells are small around the
eyes, mouth and nose.
"""

from __future__ import annotations

import numpy as np

from atpn_ros.learning.synth.assets.head_model import HeadModel, Ints, Part
from atpn_ros.types import Floats

_FINEST = 0.0012
"""Side (m) of the smallest cells."""


def thinned(head: HeadModel, part: Part, factor: float = 1.0) -> Ints:
    """(T', 3) corners of a part's decimated triangles; ``factor`` scales the cells, 0 keeps all."""
    triangles = head.triangles[head.parts == part]
    if factor <= 0 or not len(triangles):
        return np.asarray(triangles)
    used = np.unique(triangles)
    at = head.neutral[head.corner[used]].astype(np.float64)
    level = _levels(head, at, part)
    side = _FINEST * factor * 2.0**level
    cell = np.floor(at / side[:, None]).astype(np.int64)
    # Corners of different texture tiles, or on different sides of a seam, stay apart.
    uv = head.uv[used]
    key = np.column_stack([level, cell, np.floor(uv[:, 0]), np.round(uv * 6)]).astype(np.int64)
    _, group = np.unique(key, axis=0, return_inverse=True)
    group = group.ravel()
    count = np.bincount(group)
    middle = np.stack([np.bincount(group, at[:, d]) / count for d in range(3)], axis=1)
    off = np.linalg.norm(at - middle[group], axis=1)
    order = np.lexsort((off, group))
    first = np.r_[True, np.diff(group[order]) > 0]
    chosen = used[order[first]]
    into = np.full(len(head.corner), -1, np.int64)
    into[used] = chosen[group]
    out = into[triangles]
    a, b, c = out.T
    out = out[(a != b) & (b != c) & (a != c)]
    return np.unique(out, axis=0).astype(np.int32) if len(out) else triangles


def _levels(head: HeadModel, at: Floats, part: Part) -> Ints:
    """0 (finest) to 3 for each place."""
    if part != Part.SKIN:
        return np.full(len(at), 1)
    p = head.points.at(head.neutral)

    def far(points: Floats) -> Floats:
        return np.asarray(np.sqrt(((at[:, None] - points[None]) ** 2).sum(axis=-1)).min(axis=1))

    eyes, mouth = far(p[60:76]), far(p[np.r_[51:60, 76:96]])
    face = far(p[:51])
    return np.select([eyes < 0.006, (mouth < 0.012) | (eyes < 0.02), face < 0.035], [0, 1, 2], 3)
