# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fits one head mesh onto another: similarity, smooth offsets to the surface, closest places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from atpn_ros import geometry
from atpn_ros.learning.synth.assets.head_model import Anchors
from atpn_ros.learning.synth.assets.mesh import Ints, surface_normals
from atpn_ros.types import Floats

_ROUNDS = ((300.0, 0.03), (100.0, 0.02), (30.0, 0.012), (10.0, 0.008), (5.0, 0.006), (3.0, 0.005))
"""Stiffness, and how far (m) a vertex may lie from the surface that pulls it."""
_PINNED = 200.0
"""Weight of the paired points against that of one vertex."""
_SMOOTH = 0.1
"""Weight of bending in :func:`smoothed`."""
_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Similarity:
    """x -> scale * rotation @ x + shift."""

    scale: float
    rotation: Floats
    shift: Floats

    def __call__(self, points: Floats) -> Floats:
        """(..., 3) moved points."""
        return np.asarray(self.scale * points @ self.rotation.T + self.shift)


def similarity(source: Floats, target: Floats) -> Similarity:
    """The least-squares similarity from (N, 3) points to (N, 3) others (Umeyama)."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    rotation = geometry.nearest_rotation(b.T @ a)
    scale = float(np.einsum("ni,ij,nj->", b, rotation, a) / (a**2).sum())
    return Similarity(scale, rotation, target.mean(axis=0) - scale * rotation @ source.mean(axis=0))


def register(
    source: Floats,
    source_triangles: Ints,
    target: Floats,
    target_triangles: Ints,
    pins: Anchors,
    places: Floats,
) -> Floats:
    """(V, 3) the source's vertices on the target's surface.

    Args:
        source: (V, 3) vertices, roughly in place already.
        source_triangles: (T, 3); each vertex is used.
        target: (W, 3) vertices.
        target_triangles: (U, 3).
        pins: K places on the source ...
        places: ... and the (K, 3) places where they belong.
    """
    bend = _bending(source, source_triangles)
    selector = _selector(pins, len(source))
    tree = cKDTree(target)
    normals = surface_normals(target, target_triangles)
    moved = source.astype(np.float64)
    # First the paired points alone, then what is near enough to the surface as well.
    for stiffness, reach in ((1000.0, 0.0), *_ROUNDS):
        away, index = tree.query(moved)
        n = normals[index]
        gap = np.einsum("vd,vd->v", target[index] - moved, n)[:, None] * n
        facing = np.einsum("vd,vd->v", surface_normals(moved, source_triangles), n)
        weight = ((away < reach) & (facing > 0.5)).astype(float)
        system = (
            stiffness * bend + sparse.diags(weight) + _PINNED * selector.T @ selector
            + 1e-9 * sparse.identity(len(source))
        )  # fmt: skip
        # Offsets are smooth against the shape that is reached, so that they can grow.
        pull = weight[:, None] * gap + _PINNED * selector.T @ (places - selector @ moved)
        moved = moved + splu(system.tocsc()).solve(pull)
    return moved


def smoothed(values: Floats, weight: Floats, vertices: Floats, triangles: Ints) -> Floats:
    """(V, D) values near those given, (V,) as firmly as their weights, that bend little."""
    system = sparse.diags(weight) + _SMOOTH * _bending(vertices, triangles)
    return np.asarray(splu(system.tocsc()).solve(weight[:, None] * values))


def closest(points: Floats, vertices: Floats, triangles: Ints) -> Anchors:
    """The places on a surface that are closest to (N, 3) points."""
    tree = cKDTree(vertices[triangles].mean(axis=1))
    near = np.atleast_2d(tree.query(points, min(_CANDIDATES, len(triangles)))[1])
    corners = vertices[triangles[near]].astype(np.float64)  # (N, K, 3, 3)
    weight = _barycentric(points[:, None], corners)
    there = np.einsum("nkc,nkcd->nkd", weight, corners)
    best = np.argmin(((there - points[:, None]) ** 2).sum(axis=-1), axis=1)
    rows = np.arange(len(points))
    return Anchors(triangles[near[rows, best]], weight[rows, best])


def _barycentric(points: Floats, corners: Floats) -> Floats:
    """(..., 3) weights of the places inside triangles that are (nearly) closest to points."""
    a = corners[..., 0, :]
    e1, e2, s = corners[..., 1, :] - a, corners[..., 2, :] - a, points - a
    d11, d12, d22 = (e1 * e1).sum(-1), (e1 * e2).sum(-1), (e2 * e2).sum(-1)
    s1, s2 = (s * e1).sum(-1), (s * e2).sum(-1)
    det = np.maximum(d11 * d22 - d12 * d12, 1e-20)
    u, v = (d22 * s1 - d12 * s2) / det, (d11 * s2 - d12 * s1) / det
    inside = (u >= 0) & (v >= 0) & (u + v <= 1)
    # Outside: the best place on one of the three sides.
    on_ab = np.clip(s1 / np.maximum(d11, 1e-20), 0, 1)
    on_ac = np.clip(s2 / np.maximum(d22, 1e-20), 0, 1)
    e3 = e2 - e1
    along = ((s - e1) * e3).sum(-1) / np.maximum((e3 * e3).sum(-1), 1e-20)
    on_bc = np.clip(along, 0, 1)
    zero = np.zeros_like(u)
    sides = np.stack(
        [
            np.stack([1 - on_ab, on_ab, zero], -1),
            np.stack([1 - on_ac, zero, on_ac], -1),
            np.stack([zero, 1 - on_bc, on_bc], -1),
        ],
        axis=-2,
    )
    there = np.einsum("...sc,...cd->...sd", sides, corners)
    best = np.argmin(((there - points[..., None, :]) ** 2).sum(-1), axis=-1)
    side = np.take_along_axis(sides, best[..., None, None], axis=-2)[..., 0, :]
    return np.where(inside[..., None], np.stack([1 - u - v, u, v], -1), side)


def _bending(vertices: Floats, triangles: Ints) -> Any:
    """(V, V) energy of offsets that are not linear along the surface."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    length = np.linalg.norm(vertices[pairs[:, 0]] - vertices[pairs[:, 1]], axis=1)
    w = 1.0 / np.maximum(length, 1e-5)
    rows, columns = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[pairs[:, 1], pairs[:, 0]]
    count = len(vertices)
    near = sparse.csr_matrix((np.r_[w, w], (rows, columns)), shape=(count, count))
    total = np.maximum(np.asarray(near.sum(axis=1)).ravel(), 1e-9)
    laplacian = sparse.identity(count) - sparse.diags(1 / total) @ near
    return laplacian.T @ laplacian


def _selector(pins: Anchors, count: int) -> Any:
    rows = np.repeat(np.arange(len(pins.vertex)), 3)
    entries = (pins.weight.ravel(), (rows, pins.vertex.ravel()))
    return sparse.csr_matrix(entries, shape=(len(pins.vertex), count))
