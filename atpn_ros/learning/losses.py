# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the network is taught. A sample trains only the outputs it has truth for."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from atpn_ros.learning.network import AtpnOutput


class Truth(NamedTuple):
    """A batch of :class:`atpn_ros.learning.augment.Example` truths as tensors."""

    landmarks: Tensor
    trust: Tensor
    rotation: Tensor
    pose_weight: Tensor
    presence: Tensor
    presence_weight: Tensor
    gaze: Tensor
    gaze_weight: Tensor


class Losses(NamedTuple):
    """Mean losses of a batch, and their weighted sum."""

    total: Tensor
    landmarks: Tensor
    spread: Tensor
    pose: Tensor
    presence: Tensor
    gaze: Tensor


def atpn_loss(out: AtpnOutput, truth: Truth) -> Losses:
    """The sum of the tasks' losses.

    * landmarks: wing loss (arXiv 1711.06753) with w = 10 and epsilon = 2 in 1/256 of the crop;
    * spread: negative log likelihood of a Laplace distribution around the (fixed) landmarks;
    * pose: squared Frobenius distance of the rotations;
    * presence: binary cross entropy;
    * gaze: squared distance of the unit directions, where the network has them.
    """
    distance = (out.landmarks - truth.landmarks).abs() * 256
    wing = _wing(distance, 10.0, 2.0).mean(-1)
    points = truth.trust.sum().clamp(min=1.0)
    landmarks = (wing * truth.trust).sum() / points

    error = (out.landmarks.detach() - truth.landmarks).norm(dim=-1)
    log_sigma = out.log_sigma.clamp(-7.0, 1.0)
    spread = ((error * torch.exp(-log_sigma) + log_sigma) * truth.trust).sum() / points

    frobenius = (out.rotation - truth.rotation).square().sum((1, 2))
    pose = (frobenius * truth.pose_weight).sum() / truth.pose_weight.sum().clamp(min=1.0)

    cross = functional.binary_cross_entropy_with_logits(
        out.presence, truth.presence, reduction="none"
    )
    presence = (cross * truth.presence_weight).sum() / truth.presence_weight.sum().clamp(min=1.0)
    gaze = torch.zeros(())
    if out.gaze is not None:
        apart = (out.gaze - truth.gaze).square().sum(-1)
        gaze = (apart * truth.gaze_weight).sum() / truth.gaze_weight.sum().clamp(min=1.0)
    total = landmarks + 0.1 * spread + 4.0 * pose + 1.0 * presence + 4.0 * gaze
    return Losses(total, landmarks, spread, pose, presence, gaze)


def _wing(x: Tensor, w: float, epsilon: float) -> Tensor:
    log = torch.log1p(torch.tensor(w / epsilon))
    return torch.where(x < w, w * torch.log1p(x / epsilon), x - w + w * log)
