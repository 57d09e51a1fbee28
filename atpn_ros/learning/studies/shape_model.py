# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The active shape model that teaches ASMNet, and the loss that it assists (arXiv 2103.00119).

The operator smooths a face's landmarks to what the main modes of variation can say:
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
    """Labels that no shape model can be made of."""


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
    def learn(cls, labels: Floats, kept: float = 0.9) -> ShapeModel:
        """The model that keeps a share of the variance of (N, L, 2) labels.

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
        # The fewest modes that together reach the share.
        count = int(np.searchsorted(np.cumsum(variances) / total, kept - 1e-12)) + 1
        count = min(count, len(variances))
        return cls(mean, vt[:count], variances[:count])

    def smooth(self, labels: Floats) -> Floats:
        """(N, L, 2) labels to what the model can say of them."""
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
    """``L_mse + alpha L_asm + 0.5 L_pose``.

    Args:
        out: Of the network.
        landmarks: (N, L, 2) truth in ASMNet's coordinates.
        smoothed: (N, L, 2) what the shape model makes of the truth.
        angles: (N, 3) true yaw, pitch, roll.
        alpha: 0 for the plain loss, else :func:`assistance` of the epoch.
    """
    mse = (out.landmarks - landmarks).square().mean()
    asm = (out.landmarks - smoothed).square().mean()
    pose = (out.angles - angles).square().mean()
    return mse + alpha * asm + _POSE_WEIGHT * pose
