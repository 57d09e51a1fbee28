# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fits the morphable head to 98 landmarks of a frontal photograph: shape, expression, pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.assets.head_model import HeadModel
from atpn_ros.types import Floats

_WEIGHTS = np.ones(98)
_WEIGHTS[0:33] = 0.35  # slides along the jaw
_WEIGHTS[[0, 1, 2, 30, 31, 32]] = 0.15
_WEIGHTS[33:51] = 0.2  # brows differ by hair, not by bone
_WEIGHTS[51] = 0.5
_WEIGHTS[96:98] = 0.0  # the pupils depend on the gaze

_NEUTRAL_SPREAD = 0.12
"""Standard deviation of expressions in a photograph that was meant to be neutral."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A head under scaled orthography: pixel = scale * (rotation @ point)[:2] + shift."""

    identity: Floats
    expression: Floats
    rotation: Floats
    scale: float
    shift: Floats

    def project(self, points: Floats) -> Floats:
        """(..., 2) pixels of (..., 3) points in the head frame."""
        return np.asarray(points @ self.rotation[:2].T * self.scale + self.shift)


def fit(
    head: HeadModel, target: Floats, prior: float = 1.0, rounds: int = 6,
    without: tuple[int, ...] | None = None,
) -> Fit:  # fmt: skip
    """Fit a head to (98, 2) points.

    Args:
        head: The head; its contour points are where the jaw's edge is seen from the front.
        target: Pixels.
        prior: Weight of the shape's prior, in pixels per 200 pixels between the eyes' corners.
        rounds: Alternations of camera and shape.
        without: Points to leave out.
    """
    weights = _WEIGHTS.copy()
    if without is not None:
        weights[list(without)] = 0.0
    basis = np.concatenate([head.identity, head.expression])
    basis = np.einsum("pk,bpkd->bpd", head.points.weight, basis[:, head.points.vertex])
    mean = head.points.at(head.neutral)
    spread = np.r_[np.ones(len(head.identity)), np.full(len(head.expression), _NEUTRAL_SPREAD)]
    size = float(np.linalg.norm(target[60] - target[72]))
    w = weights[:, None]
    c = np.zeros(len(spread))
    for _ in range(rounds):
        points = mean + np.tensordot(c, basis, axes=1)
        rotation, scale, shift = _camera(points, target, weights)
        turned = basis @ rotation[:2].T * scale
        jacobian = (turned * w).reshape(len(c), -1).T
        left = ((target - shift - mean @ rotation[:2].T * scale) * w).ravel()
        ridge = np.diag((prior * size / 200 / spread) ** 2)
        c = np.linalg.solve(jacobian.T @ jacobian + ridge, jacobian.T @ left)
    count = len(head.identity)
    return Fit(c[:count], c[count:], rotation, scale, shift)


def _camera(shape: Floats, points: Floats, weights: Floats) -> tuple[Floats, float, Floats]:
    w = weights**2 / (weights**2).sum()
    centre3, centre2 = w @ shape, w @ points
    a, b = (shape - centre3) * weights[:, None], (points - centre2) * weights[:, None]
    u, s, vt = np.linalg.svd(np.linalg.lstsq(a, b, rcond=None)[0].T, full_matrices=False)
    rows = u @ vt
    rotation = geometry.nearest_rotation(np.stack([rows[0], rows[1], np.cross(*rows)]))
    scale = float(s.mean())
    return rotation, scale, centre2 - rotation[:2] @ centre3 * scale
