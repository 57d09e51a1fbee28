# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pieces: meshes beside the head that a person wears or holds, in the head frame, ready to draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atpn_ros.learning.synth.assets.head_model import Ints, surface_normals
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class Piece:
    """A mesh with one material.

    Attributes:
        vertices: (N, 3) float32, head frame.
        normals: (N, 3) float32.
        uv: (N, 2) float32.
        triangles: (T, 3).
        colour: Linear RGB.
        alpha: 1 opaque, less for glass.
        gloss: Strength of the highlight.
        texture: Number of a hair texture, -1 for none.
        pattern: 0 plain, 1 hair strands made by code, 2 cloth.
    """

    vertices: Floats
    normals: Floats
    uv: Floats
    triangles: Ints
    colour: tuple[float, float, float]
    alpha: float = 1.0
    gloss: float = 0.1
    texture: int = -1
    pattern: int = 0


def piece(
    vertices: Floats,
    triangles: Ints,
    colour: tuple[float, float, float],
    uv: Floats | None = None,
    alpha: float = 1.0,
    gloss: float = 0.1,
    texture: int = -1,
    pattern: int = 0,
) -> Piece:
    """A piece with smooth normals."""
    v = np.asarray(vertices, np.float32)
    t = np.asarray(triangles, np.int32)
    coordinates = np.zeros((len(v), 2)) if uv is None else uv
    return Piece(
        v, surface_normals(v, t), np.asarray(coordinates, np.float32), t, colour, alpha, gloss,
        texture, pattern,
    )  # fmt: skip


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
