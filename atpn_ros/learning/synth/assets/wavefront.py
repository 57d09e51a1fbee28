# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of Wavefront meshes (``.obj``): vertices, texture coordinates and faces by group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class WavefrontMesh:
    """The contents of a file.

    Attributes:
        vertices: (V, 3).
        coordinates: (T, 2) texture coordinates.
        faces: Of each group by its name (empty before the first group): the corners of each face,
            as indices of a vertex and of its texture coordinates.
    """

    vertices: Floats
    coordinates: Floats
    faces: dict[str, list[list[tuple[int, int]]]]


def read_mesh(path: Path) -> WavefrontMesh:
    """Read a file, of whose other elements nothing is kept.

    Raises:
        AssetError: It cannot be read, or a face has no texture coordinates.
    """
    vertices: list[tuple[float, float, float]] = []
    coordinates: list[tuple[float, float]] = []
    group = ""
    faces: dict[str, list[list[tuple[int, int]]]] = {}
    try:
        for line in path.read_text().splitlines():
            kind, *words = line.split() or [""]
            if kind == "v":
                x, y, z = (float(word) for word in words[:3])
                vertices.append((x, y, z))
            elif kind == "vt":
                u, v = (float(word) for word in words[:2])
                coordinates.append((u, v))
            elif kind == "g":
                group = words[0]
            elif kind == "f":
                faces.setdefault(group, []).append([_corner(word) for word in words])
    except (OSError, ValueError, IndexError) as error:
        raise AssetError(f"{path}: not a mesh that can be read: {error}") from error
    return WavefrontMesh(np.array(vertices), np.array(coordinates), faces)


def _corner(word: str) -> tuple[int, int]:
    vertex, coordinate = (int(x) - 1 for x in word.split("/")[:2])
    return vertex, coordinate
