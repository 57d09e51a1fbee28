# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ASMNet with the inputs and outputs of ATPN, so that the pipeline can run it.

ASMNet predicts 68 landmarks and three angles. The remaining 30 of 98 landmarks are linear
combinations of the 68, the rotation follows from the angles, and a logistic regression on the
network's features tells presence.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from atpn_ros import geometry, landmark_layouts
from atpn_ros.learning.data.head_point_model import HeadPointModel
from atpn_ros.learning.networks.asmnet import AsmNet, from_asmnet
from atpn_ros.types import Floats

FULL_ANGLE = float(np.radians(65.0))
"""Angle in radians that is 1 in the network's output, as published."""

_HEADS = 4000
_RIDGE = 1e-5
"""Of a mean square of differences of landmarks, in sizes of the face."""


def completion_weights(head: HeadPointModel, seed: int = 0) -> Floats:
    """(98, 68) weights that complete 68 landmarks; each row sums to 1.

    The same weights apply to x and y, so a rotated, scaled or moved face is completed alike. They
    are the ridge regression over random heads in random poses; the 68 landmarks stay as they are.

    Args:
        head: Morphable head of 98 landmarks.
        seed: Of the random heads.
    """
    rng = np.random.default_rng(seed)
    columns = []
    for _ in range(_HEADS):
        shape = head.shape(rng.normal(0, 1, len(head.spread)) * head.spread)
        angles = rng.normal(0, np.radians((15, 15, 30)))
        flat = (shape @ geometry.head_rotation(*angles).T)[:, :2]
        columns.append((flat - flat.mean(axis=0)) / np.ptp(flat, axis=0).max())
    points = np.concatenate(columns, axis=1)  # (98, 2 N)
    known = np.asarray(landmark_layouts.IBUG68_IN_WFLW98)
    given = points[known]
    # With the last weight 1 minus the others, each row sums to 1.
    differences, target = given[:-1] - given[-1], points - given[-1]
    gram = differences @ differences.T + _RIDGE * points.shape[1] * np.eye(len(known) - 1)
    free = np.linalg.solve(gram, differences @ target.T).T
    weights = np.concatenate([free, 1 - free.sum(axis=1, keepdims=True)], axis=1)
    weights[known] = np.eye(len(known))
    return weights


class DeployedAsmNet(nn.Module):
    """(N, S, S, 3) uint8 BGR crops to landmarks (N, 98, 2), rotation (N, 3, 3), presence (N,).

    Args:
        network: Trained ASMNet for 68 landmarks.
        size: Side of the crops that it was trained with, pixels; crops are resized to it.
        completion: (98, 68), see :func:`completion_weights`.
    """

    completion: Tensor
    facing: Tensor

    def __init__(self, network: AsmNet, size: int, completion: Floats) -> None:
        super().__init__()
        self.network, self.size = network, size
        self.presence = nn.Linear(network.heads.landmarks.in_features, 1)
        self.register_buffer("completion", torch.from_numpy(completion).float())
        self.register_buffer("facing", torch.from_numpy(geometry.FACING).float())

    def resized(self, crops: Tensor) -> Tensor:
        """Crops at the network's size, as uint8."""
        if crops.shape[1] == self.size:
            return crops
        pictures = crops.permute(0, 3, 1, 2).float()
        # Shrunk by less than two, so a bilinear sample skips no pixel.
        small = functional.interpolate(pictures, (self.size, self.size), mode="bilinear")
        return small.permute(0, 2, 3, 1)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See the class."""
        features = self.network.features(self.resized(crops))
        out = self.network.heads(features)
        landmarks = torch.matmul(self.completion, from_asmnet(out.landmarks))
        rotation = torch.matmul(self.facing, _rotation(out.angles * FULL_ANGLE))
        return landmarks, rotation, self.presence(features)[:, 0].sigmoid()


def _rotation(angles: Tensor) -> Tensor:
    """(N, 3, 3) ``Rz(yaw) Ry(pitch) Rx(roll)`` of (N, 3) yaw, pitch, roll in radians."""
    (sy, sp, sr), (cy, cp, cr) = angles.sin().unbind(1), angles.cos().unbind(1)
    rows = (
        cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr,
        sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr,
        -sp, cp * sr, cp * cr,
    )  # fmt: skip
    return torch.stack(rows, 1).reshape(-1, 3, 3)
