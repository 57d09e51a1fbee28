# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The active shape model of face landmarks, and ASMNet's ASM-assisted loss (arXiv 2103.00119).

The model projects a face's landmarks onto the main modes of variation:
``b = E^T (x - mean)``, each ``|b_k| <= 3 sqrt(lambda_k)``, ``A = mean + E b``. It depends on labels
alone, so its targets are computed once. Faces are not aligned before the analysis, as published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from atpn_ros.learning.networks.asmnet import AsmNetOutput
from atpn_ros.types import AtpnError, Floats

_CLAMP = 3.0
_POSE_WEIGHT = 0.5


class ShapeError(AtpnError):
    """Labels or a fraction of variance from which no shape model can be computed."""


@dataclass(frozen=True, slots=True)
class ShapeModel:
    """Mean, modes and variances of flattened landmarks.

    Attributes:
        mean: (D,) with D = 2 L.
        modes: (K, D), orthonormal rows, the strongest first.
        variances: (K,) lambda of each mode.
    """

    mean: Floats
    modes: Floats
    variances: Floats

    @classmethod
    def fit(cls, labels: Floats, kept: float = 0.9) -> ShapeModel:
        """Fit the smallest model that keeps a fraction of the variance of (N, L, 2) labels.

        Raises:
            ShapeError: Fewer than two faces, not finite, no variance, or ``kept`` not in 0..1.
        """
        flat = np.asarray(labels, np.float64).reshape(len(labels), -1)
        if len(flat) < 2 or not np.isfinite(flat).all():
            raise ShapeError(f"labels of shape {np.shape(labels)}: need two or more finite faces")
        if not 0 < kept <= 1:
            raise ShapeError(f"kept variance {kept} is not in 0..1")
        mean = flat.mean(axis=0)
        _, s, vt = np.linalg.svd(flat - mean, full_matrices=False)
        variances = s**2 / (len(flat) - 1)
        total = variances.sum()
        if total <= 0:
            raise ShapeError("all faces are the same")
        # The fewest modes that together reach the fraction.
        count = int(np.searchsorted(np.cumsum(variances) / total, kept - 1e-12)) + 1
        count = min(count, len(variances))
        return cls(mean, vt[:count], variances[:count])

    def smooth(self, labels: Floats) -> Floats:
        """Project (N, L, 2) labels onto the model, each mode clamped to 3 standard deviations."""
        flat = np.asarray(labels, np.float64).reshape(len(labels), -1)
        limit = _CLAMP * np.sqrt(self.variances)
        b = np.clip((flat - self.mean) @ self.modes.T, -limit, limit)
        return (self.mean + b @ self.modes).reshape(np.shape(labels))


def assistance(epoch: int, epochs: int) -> float:
    """The weight alpha of the smoothed targets: 2, then 1, then 0.5, a third of the epochs each.

    >>> [assistance(e, 150) for e in (0, 49, 50, 99, 100, 149)]
    [2.0, 2.0, 1.0, 1.0, 0.5, 0.5]
    """
    if 3 * epoch < epochs:
        return 2.0
    return 1.0 if 3 * epoch < 2 * epochs else 0.5


def asm_assisted_loss(
    out: AsmNetOutput, landmarks: Tensor, smoothed: Tensor, angles: Tensor, alpha: float
) -> Tensor:
    """Compute ``L_mse + alpha L_asm + 0.5 L_pose``.

    Args:
        out: Outputs of the network.
        landmarks: (N, L, 2) labels in ASMNet's coordinates.
        smoothed: (N, L, 2) labels smoothed by the shape model.
        angles: (N, 3) true yaw, pitch, roll.
        alpha: 0 for the plain loss, else :func:`assistance` of the epoch.
    """
    mse = (out.landmarks - landmarks).square().mean()
    asm = (out.landmarks - smoothed).square().mean()
    pose = (out.angles - angles).square().mean()
    return mse + alpha * asm + _POSE_WEIGHT * pose
