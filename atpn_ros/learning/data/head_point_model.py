# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Linear 3D model of the 98 landmarks on the ICT-FaceKit head, and its fit to 2D points.

The head is read from a folder with ``ict.npz`` and ``vertex_indices.json``, the packed form of
ICT-FaceKit, which is not part of this package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.types import Floats

_IRISES = (range(22221, 23021), range(23791, 24591))  # the person's left, right
_BROW_THICKNESS = 0.75
"""Centimetres from a brow's upper to its lower edge, for the points that iBUG-68 lacks."""

_TO_HEAD = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""ICT axes (x to the person's left, y up, z out of the face) to the head frame."""


@dataclass(frozen=True, slots=True)
class HeadPointModel:
    """98 points of a head that can be fitted: head frame, metres, origin at the sellion.

    Attributes:
        mean: (98, 3).
        basis: (K, 98, 3) offsets per unit coefficient.
        spread: (K,) the standard deviation of each coefficient.
    """

    mean: Floats
    basis: Floats
    spread: Floats

    def shape(self, coefficients: Floats) -> Floats:
        """(98, 3) of (K,) coefficients."""
        return self.mean + np.tensordot(coefficients, self.basis, axes=1)


@dataclass(frozen=True, slots=True)
class Fit:
    """A head fitted to 2D points by scaled orthography."""

    rotation: Floats
    """(3, 3) head to the crop's own camera."""
    points: Floats
    """(98, 2) projection of the fitted head's points, pixels of the given points."""
    coefficients: Floats
    residual: float
    """Mean distance of the given points, pixels."""


def load_points(folder: Path) -> HeadPointModel:
    """Read the head and reduce it to the 98 points.

    Raises:
        AssetError: A file is missing or of another shape.
    """
    try:
        with np.load(folder / "ict.npz", allow_pickle=False) as packed:
            neutral, identity, expression = packed["v"], packed["ids"], packed["ex"]
        table = json.loads((folder / "vertex_indices.json").read_text())
        marks = [int(i) for i in table["idx_to_landmark_verts"]]
    except (OSError, KeyError, ValueError) as error:
        raise AssetError(f"{folder}: no ICT head in its packed form: {error}") from error
    if neutral.shape != (26719, 3) or len(marks) != 68:
        raise AssetError(f"{folder}: expected 26719 vertices and 68 landmarks")

    neutral98 = _place(neutral, marks)
    shapes = np.concatenate([identity, expression])
    basis = np.stack([_place(neutral + offset, marks) - neutral98 for offset in shapes])
    origin = neutral98[51]
    spread = np.concatenate([np.ones(len(identity)), np.full(len(expression), 0.35)])
    to_head = _TO_HEAD.T * 0.01
    return HeadPointModel((neutral98 - origin) @ to_head, basis @ to_head, spread)


def _place(vertices: Floats, marks: list[int]) -> Floats:
    """(98, 3) landmarks of (26719, 3) vertices, ICT axes."""
    v = vertices
    out = np.zeros((98, 3))
    index68 = np.asarray(landmark_layouts.IBUG68_IN_WFLW98)
    out[index68] = v[marks]
    out[0:33] = _between(v[marks[:17]], 33)
    # iBUG's points follow the brow's middle; WFLW has both edges.
    for upper, lower in (
        ((34, 35, 36, 37), (41, 40, 39, 38)),
        ((45, 44, 43, 42), (47, 48, 49, 50)),
    ):
        out[list(lower)] = out[list(upper)] - (0.0, _BROW_THICKNESS, 0.0)
    for a, b, middle in ((61, 63, 62), (65, 67, 66), (69, 71, 70), (73, 75, 74)):
        out[middle] = (out[a] + out[b]) / 2
    out[landmark_layouts.LEFT_PUPIL] = v[_IRISES[0]].mean(axis=0)
    out[landmark_layouts.RIGHT_PUPIL] = v[_IRISES[1]].mean(axis=0)
    return out


def _between(points: Floats, count: int) -> Floats:
    """Points and the middles of a smooth line through them (Catmull-Rom), (count, D)."""
    ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    out = np.empty((count, points.shape[1]))
    out[0::2] = points
    out[1::2] = (9 * (ends[1:-2] + ends[2:-1]) - ends[:-3] - ends[3:]) / 16
    return out


def fit(
    model: HeadPointModel,
    points: Floats,
    index: Sequence[int] = landmark_layouts.IBUG68_IN_WFLW98,
    rounds: int = 8,
    weight: float = 1.0,
) -> Fit:
    """Fit the head to 2D points by alternating camera and shape.

    Args:
        model: The head.
        points: (N, 2) pixels.
        index: Which of the 98 each point is; the iBUG-68 points by default.
        rounds: Alternations.
        weight: How much the prior counts against the points, in pixels per 100 pixel face.
    """
    chosen = np.asarray(index)
    size = float(np.ptp(points, axis=0).max())
    # The far side of the jaw slides along the head when it turns: it weighs less.
    weights = np.where(chosen < 33, 0.35, 1.0)
    coefficients = np.zeros(len(model.spread))
    rotation, scale, shift = _camera(model.mean[chosen], points, weights)
    for _ in range(rounds):
        turned = model.basis[:, chosen] @ rotation.T * scale
        jacobian = (turned[..., :2] * weights[:, None]).reshape(len(coefficients), -1).T
        base = model.mean[chosen] @ rotation.T * scale
        target = ((points - shift - base[:, :2]) * weights[:, None]).ravel()
        prior = np.diag((weight * size / 100 / model.spread) ** 2)
        coefficients = np.linalg.solve(jacobian.T @ jacobian + prior, jacobian.T @ target)
        rotation, scale, shift = _camera(model.shape(coefficients)[chosen], points, weights)
    placed = model.shape(coefficients) @ rotation.T[:, :2] * scale + shift
    residual = float(np.linalg.norm(placed[chosen] - points, axis=1).mean())
    return Fit(rotation, placed, coefficients, residual)


def _camera(shape: Floats, points: Floats, weights: Floats) -> tuple[Floats, float, Floats]:
    """Scaled orthographic camera (rotation, scale, shift) of weighted correspondences."""
    w = weights**2 / (weights**2).sum()
    centre3, centre2 = w @ shape, w @ points
    a, b = (shape - centre3) * weights[:, None], (points - centre2) * weights[:, None]
    affine = np.linalg.lstsq(a, b, rcond=None)[0].T  # (2, 3)
    u, s, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    rotation = geometry.nearest_rotation(np.stack([rows[0], rows[1], np.cross(*rows)]))
    scale = float(s.mean())
    shift = centre2 - rotation[:2] @ centre3 * scale
    return rotation, scale, shift
