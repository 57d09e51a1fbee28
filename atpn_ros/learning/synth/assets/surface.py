# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Locates points on a triangle mesh: by ray casting, by texture coordinate, along edge paths."""

from __future__ import annotations

import heapq

import numpy as np

from atpn_ros.learning.data.polyline import arc_length
from atpn_ros.learning.synth.assets.head_model import Anchors, Ints
from atpn_ros.types import Floats


def cast(origin: Floats, direction: Floats, vertices: Floats, triangles: Ints) -> Anchors | None:
    """The nearest place that a ray meets, or None (Moeller and Trumbore)."""
    a = vertices[triangles[:, 0]]
    e1, e2 = vertices[triangles[:, 1]] - a, vertices[triangles[:, 2]] - a
    p = np.cross(direction, e2)
    det = np.einsum("ij,ij->i", e1, p)
    inverse = 1.0 / np.where(np.abs(det) < 1e-14, np.inf, det)
    s = origin - a
    u = np.einsum("ij,ij->i", s, p) * inverse
    q = np.cross(s, e1)
    v = q @ direction * inverse
    t = np.einsum("ij,ij->i", e2, q) * inverse
    hit = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > 1e-6) & (np.abs(det) > 1e-14)
    if not hit.any():
        return None
    i = int(np.flatnonzero(hit)[np.argmin(t[hit])])
    return Anchors(triangles[i], np.array([1 - u[i] - v[i], u[i], v[i]]))


def at_uv(point: Floats, uv: Floats, corners: Ints, owner: Ints) -> Anchors:
    """The place with a (2,) texture coordinate, or the closest inside the nearest triangle.

    Args:
        point: (2,) texture coordinate.
        uv: (C, 2) of all corners.
        corners: (T, 3) triangles to look in.
        owner: (C,) the vertex of each corner.
    """
    a, b, c = (uv[corners[:, k]].astype(np.float64) for k in range(3))
    e1, e2, s = b - a, c - a, point - a
    det = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    det = np.where(np.abs(det) < 1e-12, 1e-12, det)
    u = (s[:, 0] * e2[:, 1] - s[:, 1] * e2[:, 0]) / det
    v = (e1[:, 0] * s[:, 1] - e1[:, 1] * s[:, 0]) / det
    weights = np.clip(np.stack([1 - u - v, u, v], axis=1), 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    there = np.einsum("tk,tkd->td", weights, np.stack([a, b, c], axis=1))
    i = int(np.argmin(((there - point) ** 2).sum(axis=1)))
    return Anchors(owner[corners[i]], weights[i])


def along_edges(start: int, end: int, vertices: Floats, triangles: Ints) -> list[int]:
    """The shortest path over edges from one vertex to another (Dijkstra)."""
    near: dict[int, set[int]] = {}
    for a, b, c in triangles.tolist():
        for i, j in ((a, b), (b, c), (c, a)):
            near.setdefault(i, set()).add(j)
            near.setdefault(j, set()).add(i)
    best, back, heap = {start: 0.0}, {start: start}, [(0.0, start)]
    while heap:
        cost, i = heapq.heappop(heap)
        if i == end:
            break
        if cost > best[i]:
            continue
        for j in near.get(i, ()):
            there = cost + float(np.linalg.norm(vertices[i] - vertices[j]))
            if there < best.get(j, np.inf):
                best[j], back[j] = there, i
                heapq.heappush(heap, (there, j))
    path = [end]
    while path[-1] != start:
        path.append(back[path[-1]])
    return path[::-1]


def on_path(path: list[int], share: float, vertices: Floats) -> Anchors:
    """The place that lies at a share (0..1) of a path's length."""
    points = vertices[path]
    length = arc_length(points)
    want = share * length[-1]
    i = int(np.clip(np.searchsorted(length, want, side="right") - 1, 0, len(path) - 2))
    w = float((want - length[i]) / max(length[i + 1] - length[i], 1e-12))
    return Anchors(np.array([path[i], path[i + 1], path[i]]), np.array([1 - w, w, 0.0]))


def stack(anchors: list[Anchors]) -> Anchors:
    """Several single anchors as one."""
    return Anchors(np.stack([a.vertex for a in anchors]), np.stack([a.weight for a in anchors]))
