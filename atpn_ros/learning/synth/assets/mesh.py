# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Basic operations on triangle meshes: vertex normals, vertex grids, tubes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from atpn_ros.types import Floats

Ints = npt.NDArray[np.integer]


def surface_normals(vertices: Floats, triangles: Ints) -> Floats:
    """(V, 3) float32 unit vertex normals, weighted by area; zero where no triangle is."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    out = np.empty(vertices.shape, np.float32)
    owner = triangles.T.ravel()
    for d in range(3):
        column = np.tile(face[:, d], 3)
        out[:, d] = np.bincount(owner, column, len(vertices))
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(out / np.maximum(length, 1e-12), np.float32)


def grid(rows: int, columns: int, closed: bool = False) -> Ints:
    """Triangles of a (rows, columns) sheet of vertices; ``closed`` joins the last column."""
    r, c = np.mgrid[0 : rows - 1, 0 : columns if closed else columns - 1]
    a = r * columns + c
    b = r * columns + (c + 1) % columns
    quads = np.stack([a, b, a + columns, b, b + columns, a + columns], axis=-1)
    return quads.reshape(-1, 3).astype(np.int32)


def tube(path: Floats, radius: Floats | float, sides: int = 6) -> tuple[Floats, Ints]:
    """Vertices and triangles of a tube along an (N, 3) path."""
    ahead = np.gradient(path, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    up = np.where(np.abs(ahead[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]])
    side = np.cross(ahead, up)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    up = np.cross(side, ahead)
    turn = np.arange(sides) / sides * 2 * np.pi
    r = np.broadcast_to(np.asarray(radius, np.float64), (len(path),))[:, None, None]
    ring = side[:, None] * np.cos(turn)[:, None] + up[:, None] * np.sin(turn)[:, None]
    return (path[:, None] + ring * r).reshape(-1, 3), grid(len(path), sides, closed=True)
