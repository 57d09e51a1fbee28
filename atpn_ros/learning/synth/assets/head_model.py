# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The morphable head: mesh, identity and expression shapes, and landmarks anchored to its surface.

All coordinates are those of the head frame of :mod:`atpn_ros.types` in metres. The origin is the
neutral head's sellion; a person's own sellion is a landmark like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from atpn_ros.learning.synth.assets.mesh import Ints, surface_normals
from atpn_ros.types import Floats


class Part(IntEnum):
    """What a triangle is made of."""

    SKIN = 0
    SOCKET = 1
    """Inner lids behind the eyeball's rim."""
    MOUTH = 2
    GUMS = 3
    TEETH = 4
    LASHES = 5


@dataclass(frozen=True, slots=True)
class Anchors:
    """Points on the surface: each a weighted mean of three vertices.

    Attributes:
        vertex: (..., 3) vertex numbers.
        weight: (..., 3) weights that sum to one.
    """

    vertex: Ints
    weight: Floats

    def at(self, vertices: Floats) -> Floats:
        """(..., 3) where the points lie on a head with these (V, 3) vertices."""
        return np.asarray(np.einsum("...k,...kd->...d", self.weight, vertices[self.vertex]))


@dataclass(frozen=True, slots=True)
class HeadModel:
    """Geometry, shapes and points of a head.

    A *vertex* has a position; a *corner* is a vertex with a texture coordinate, what the graphics
    card draws. The last four vertices are no surface: the centres of the right and the left
    eyeball, and two whose x is the radius of each.

    Attributes:
        neutral: (V, 3) float32.
        identity: (I, V, 3) float32 offsets per standard deviation.
        expression: (E, V, 3) float32 offsets for a full expression.
        names: E ARKit names of the expressions.
        corner: (C,) the vertex of each corner.
        uv: (C, 2) float32; u above 1 is skin without a photograph (scalp and nape).
        triangles: (T, 3) corners, sorted by part.
        parts: (T,) a :class:`Part` each.
        masks: (V, 4) float32, 0..1: scalp, beard, lips, brows.
        points: 98 anchors in WFLW-98 order; the first 33 mark the edge of the jaw.
        strips: (33, K) anchors, for each contour point a path over the skin from the jaw's edge
            towards the middle of the face, along which the visible outline is sought.
    """

    neutral: Floats
    identity: Floats
    expression: Floats
    names: tuple[str, ...]
    corner: Ints
    uv: Floats
    triangles: Ints
    parts: Ints
    masks: Floats
    points: Anchors
    strips: Anchors

    def vertices(self, identity: Floats, expression: Floats) -> Floats:
        """(V, 3) float32 vertices of (I,) identity and (E,) expression coefficients."""
        weights, flat = identity.astype(np.float32), self.identity.reshape(len(self.identity), -1)
        used = np.flatnonzero(weights)
        # Of a head of all ages few shapes are used; a product with all would read the others too.
        shape = weights @ flat if 2 * len(used) > len(weights) else weights[used] @ flat[used]
        for i in np.flatnonzero(expression):
            shape += np.float32(expression[i]) * self.expression[i].ravel()
        return self.neutral + shape.reshape(-1, 3)

    def coefficients(self, **weights: float) -> Floats:
        """(E,) expression coefficients by name; names this head lacks are left out."""
        out = np.zeros(len(self.names), np.float32)
        for name, weight in weights.items():
            if name in self.names:
                out[self.names.index(name)] = weight
        return out

    def normals(self, vertices: Floats) -> Floats:
        """(V, 3) float32 unit normals of the surface."""
        return surface_normals(vertices, self.corner[self.triangles])
