# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ATPN training loss: the weighted sum of the losses of landmarks, pose, presence and gaze.

A target with a weight of 0 does not contribute: a face trains only the outputs it has labels for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.batches import Truth
from atpn_ros.learning.networks.atpn import AtpnOutput
from atpn_ros.learning.networks.gaze_head import LABEL_ERROR

_UPPER, _LOWER = (list(edge) for edge in zip(*landmark_layouts.BROW_EDGES98, strict=True))


GAZE_SPREAD_WEIGHT = 0.05
"""Of the expected error of the gaze beside the gaze itself."""


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weights of the tasks' losses."""

    spread: float = 0.1
    pose: float = 20.0
    presence: float = 1.0
    gaze: float = 8.0
    landmarks: float = 1.0


class Losses(NamedTuple):
    """Mean losses of a batch and their weighted sum, all scalars."""

    total: Tensor
    landmarks: Tensor
    spread: Tensor
    pose: Tensor
    presence: Tensor
    gaze: Tensor


def atpn_loss(out: AtpnOutput, truth: Truth, weights: LossWeights | None = None) -> Losses:
    """Compute the losses of a batch.

    * landmarks: wing loss (arXiv 1711.06753) with w = 10 and epsilon = 2 in 1/256 of the crop;
    * spread: negative log likelihood of a Laplace distribution around the (fixed) landmarks;
    * pose: Frobenius distance of the rotations: unlike its square, its gradient does not vanish
      with the error;
    * presence: binary cross entropy;
    * gaze: Euclidean distance of the unit directions, if the network has a gaze head, and the
      negative log likelihood of an exponential distribution of that (fixed) distance.
    """
    weights = weights or LossWeights()
    predicted = brow_middles(out.landmarks, truth.middles)
    distance = (predicted - truth.landmarks).abs() * 256
    wing = _wing(distance, 10.0, 2.0).mean(-1)
    points = truth.landmark_weight.sum().clamp(min=1.0)
    landmarks = (wing * truth.landmark_weight).sum() / points

    error = (predicted.detach() - truth.landmarks).norm(dim=-1)
    log_sigma = out.log_sigma.clamp(-7.0, 1.0)
    spread = ((error * torch.exp(-log_sigma) + log_sigma) * truth.landmark_weight).sum() / points

    frobenius = _length(out.rotation - truth.rotation, (1, 2))
    pose = (frobenius * truth.pose_weight).sum() / truth.pose_weight.sum().clamp(min=1.0)

    cross = functional.binary_cross_entropy_with_logits(
        out.presence, truth.presence, reduction="none"
    )
    presence = (cross * truth.presence_weight).sum() / truth.presence_weight.sum().clamp(min=1.0)
    gaze = torch.zeros((), device=out.landmarks.device)
    if out.gaze is not None:
        gaze = direction_loss(out.gaze, truth)
        if out.gaze_log_sigma is not None:
            gaze = gaze + GAZE_SPREAD_WEIGHT * spread_loss(out.gaze, out.gaze_log_sigma, truth)
    total = (
        weights.landmarks * landmarks
        + weights.spread * spread
        + weights.pose * pose
        + weights.presence * presence
        + weights.gaze * gaze
    )
    return Losses(total, landmarks, spread, pose, presence, gaze)


def direction_loss(gaze: Tensor, truth: Truth) -> Tensor:
    """Weighted mean distance of (N, 2, 3) unit directions from the true ones."""
    apart = _length(gaze - truth.gaze, (2,))
    return (apart * truth.gaze_weight).sum() / truth.gaze_weight.sum().clamp(min=1.0)


def spread_loss(gaze: Tensor, log_sigma: Tensor, truth: Truth) -> Tensor:
    """Weighted mean negative log likelihood of the distances that ``log_sigma`` (N, 2) predicts.

    Distances below the labels' own error count as that, so that the prediction does not sink below.
    """
    apart = _length(gaze.detach() - truth.gaze, (2,)).clamp(min=LABEL_ERROR)
    log_sigma = log_sigma.clamp(-5.0, 1.0)
    likelihood = apart * torch.exp(-log_sigma) + log_sigma
    return (likelihood * truth.gaze_weight).sum() / truth.gaze_weight.sum().clamp(min=1.0)


def brow_middles(landmarks: Tensor, middles: Tensor) -> Tensor:
    """Replace the brows' upper points by the brows' middles where ``middles`` is 1.

    iBUG annotates the middle line of a brow, WFLW its two edges: a face with iBUG's annotation then
    trains the mean of the two edges, and neither edge alone.

    Args:
        landmarks: (N, 98, 2).
        middles: (N,) 0 or 1.

    Returns:
        (N, 98, 2) landmarks.
    """
    middle = (landmarks[:, _UPPER] + landmarks[:, _LOWER]) / 2
    chosen = middles[:, None, None] > 0
    out = landmarks.clone()
    out[:, _UPPER] = torch.where(chosen, middle, landmarks[:, _UPPER])
    return out


def _length(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return (x.square().sum(dims) + 1e-8).sqrt()


def _wing(x: Tensor, w: float, epsilon: float) -> Tensor:
    log = torch.log1p(torch.tensor(w / epsilon))
    return torch.where(x < w, w * torch.log1p(x / epsilon), x - w + w * log)
