# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teaching the eyes alone, many times as fast as the whole network.

The gaze head is told landmarks and a rotation, and needs nothing else of the network: it learns
from true ones, made as wrong as the network's own answers are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from atpn_ros.learning.data.batches import Truth
from atpn_ros.learning.networks.atpn import Atpn
from atpn_ros.learning.training.losses import Losses, LossWeights, direction_loss

_SHIFT = 0.012
"""Standard deviation of an eye's place, as a share of the crop."""

_POINT = 0.008
"""Standard deviation of each point besides."""

_TURN = 0.05
"""Standard deviation of the rotation about each axis, radians."""


def gaze_losses(network: Atpn, crops: Tensor, truth: Truth, weights: LossWeights) -> Losses:
    """The gaze's loss of a batch; the other tasks' are 0.

    Args:
        network: One that has a gaze head.
        crops: (N, S, S, 3) uint8.
        truth: Of the batch.
        weights: Of the tasks.
    """
    if network.gaze is None:
        raise ValueError("the network has no gaze head to teach")
    landmarks = truth.landmarks + _POINT * torch.randn_like(truth.landmarks)
    landmarks = landmarks + _SHIFT * torch.randn_like(truth.landmarks[:, :1])
    out = network.gaze(crops.float() - 128.0, landmarks, _turned(truth.rotation))
    gaze = direction_loss(out, truth)
    zero = torch.zeros((), device=crops.device)
    return Losses(weights.gaze * gaze, zero, zero, zero, zero, gaze)


def _turned(rotation: Tensor) -> Tensor:
    """(N, 3, 3) rotations, each turned a little."""
    x, y, z = (_TURN * torch.randn(3, len(rotation), device=rotation.device)).unbind()
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    turned: Tensor = torch.linalg.matrix_exp(skew) @ rotation
    return turned
