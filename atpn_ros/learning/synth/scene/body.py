# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The geometry of one person in a scene: head surface, landmarks, eyes and accessory meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atpn_ros.learning.synth.assets.mesh import Ints, surface_normals
from atpn_ros.types import Floats

IRIS_PLANE = 0.93
"""Where the iris lies along the gaze, in radii of the eyeball."""


@dataclass(frozen=True, slots=True)
class AccessoryMesh:
    """A mesh with one material that a person wears or holds, in the head frame (metres).

    Attributes:
        vertices: (N, 3) float32, head frame.
        normals: (N, 3) float32.
        uv: (N, 2) float32.
        triangles: (T, 3).
        colour: Linear RGB.
        alpha: 1 opaque, less for glass.
        gloss: Strength of the highlight.
        texture: Number of a hair texture, -1 for none.
        pattern: 0 plain, 1 procedural hair strands, 2 cloth, 3 fur shells.
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

    @classmethod
    def smooth(
        cls,
        vertices: Floats,
        triangles: Ints,
        colour: tuple[float, float, float],
        uv: Floats | None = None,
        alpha: float = 1.0,
        gloss: float = 0.1,
        texture: int = -1,
        pattern: int = 0,
    ) -> AccessoryMesh:
        """A mesh with vertex normals averaged over the adjacent triangles."""
        v = np.asarray(vertices, np.float32)
        t = np.asarray(triangles, np.int32)
        coordinates = np.zeros((len(v), 2)) if uv is None else uv
        return cls(
            v, surface_normals(v, t), np.asarray(coordinates, np.float32), t, colour, alpha, gloss,
            texture, pattern,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Body:
    """One person in the head frame, metres.

    Attributes:
        vertices: (V, 3).
        normals: (V, 3).
        points: (98, 3) landmarks but for the contour, which depends on the view.
        strips: (33, K, 3) the paths on which the contour is sought.
        eye_centres: (2, 3), right first.
        eye_radii: (2,).
        eye_turns: (2, 3, 3) from the eyeball's axes (x ahead) to the head frame.
        sellion: (3,).
        mouth_open: Metres between the inner lips.
        accessories: What the person wears and holds.
    """

    vertices: Floats
    normals: Floats
    points: Floats
    strips: Floats
    eye_centres: Floats
    eye_radii: Floats
    eye_turns: Floats
    sellion: Floats
    mouth_open: float
    accessories: tuple[AccessoryMesh, ...]
