# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Catmull-Clark subdivision of quad meshes, as a matrix that applies to shapes as well."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from atpn_ros.learning.synth.assets.mesh import Ints


def subdivide(quads: Ints, count: int) -> tuple[Any, Ints]:
    """One step of subdivision.

    Args:
        quads: (F, 4) vertices.
        count: V, how many vertices there are; each is used by a quad.

    Returns:
        A sparse (V + E + F, V) matrix that takes positions, or offsets, of the old vertices to
        those of the new ones (old vertices, then edges, then quads), and the (4 F, 4) new quads.
    """
    faces = len(quads)
    pairs = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=-1).reshape(-1, 2), axis=1)
    edges, edge_of = np.unique(pairs, axis=0, return_inverse=True)
    edge_of = edge_of.reshape(faces, 4)
    uses = np.bincount(edge_of.ravel(), minlength=len(edges))
    at = np.arange(faces)

    middle = _matrix(np.repeat(at, 4), quads.ravel(), 0.25, (faces, count))
    half = _matrix(np.repeat(np.arange(len(edges)), 2), edges.ravel(), 0.5, (len(edges), count))
    # An edge between two quads moves towards their middles; a border stays where it is.
    inner = uses == 2
    beside = _matrix(edge_of.ravel(), np.repeat(at, 4), 0.5, (len(edges), faces))
    edge_points = half + sparse.diags(inner * 0.5) @ (beside @ middle - half)

    around = _matrix(quads.ravel(), np.repeat(at, 4), 1.0, (count, faces))
    valence = np.asarray(around.sum(axis=1)).ravel()
    touches = _matrix(edges.ravel(), np.repeat(np.arange(len(edges)), 2), 1.0, (count, len(edges)))
    n = np.maximum(valence, 1.0)
    identity = sparse.identity(count, format="csr")
    smooth = (
        sparse.diags(1 / n**2) @ around @ middle
        + sparse.diags(2 / n**2) @ touches @ half
        + sparse.diags((n - 3) / n) @ identity
    )
    border = sparse.diags((~inner).astype(float))
    rim_edges = touches @ border
    on_rim = np.asarray(rim_edges.sum(axis=1)).ravel() > 0
    # Along a border: a quarter from the middles of both border edges, half from the vertex.
    rim = 0.25 * (rim_edges @ half) + 0.5 * identity
    regular = np.asarray(rim_edges.sum(axis=1)).ravel() == 2
    keep = sparse.diags((on_rim & ~regular).astype(float))
    vertex_points = (
        sparse.diags((~on_rim).astype(float)) @ smooth
        + sparse.diags((on_rim & regular).astype(float)) @ rim
        + keep @ identity
    )

    matrix = sparse.vstack([vertex_points, edge_points, middle]).tocsr()
    edge = count + edge_of
    centre = count + len(edges) + at
    fine = np.stack(
        [np.stack([quads[:, k], edge[:, k], centre, edge[:, k - 1]], axis=1) for k in range(4)],
        axis=1,
    )
    return matrix, fine.reshape(-1, 4).astype(np.int32)


def _matrix(rows: Ints, columns: Ints, value: float, shape: tuple[int, int]) -> Any:
    entries = (np.full(len(rows), value), (rows, columns))
    return sparse.csr_matrix(entries, shape=shape)
