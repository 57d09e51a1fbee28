# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ASMNet network (arXiv 2103.00119) and its baseline MobileNetV2.

Both are re-implemented from the description in the paper.

ASMNet is MobileNetV2's first 15 blocks with six taps, each averaged over the picture and all
concatenated, before two linear heads. The baseline is the whole MobileNetV2 before the same heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

INPUT_SIZE = 224
"""Side of both networks' input in pixels."""

_STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
"""MobileNetV2's channels, blocks and first stride per stage (arXiv 1801.04381, table 2)."""

_TAPS = (1, 3, 6, 10, 13, 15)
"""Indices of the blocks whose outputs ASMNet's heads use."""

PUBLISHED_DROPOUT = 0.3
"""Share of the features before the heads that are dropped in training."""


class AsmNetOutput(NamedTuple):
    """Outputs of either network for N crops.

    Attributes:
        landmarks: (N, L, 2) in ASMNet's own coordinates, see :func:`to_asmnet`.
        angles: (N, 3) yaw, pitch, roll.
    """

    landmarks: Tensor
    angles: Tensor


def to_asmnet(landmarks: Tensor) -> Tensor:
    """Crop coordinates 0..1 to ASMNet's: centred, sign-flipped, half the picture is 0.5."""
    return 0.5 - landmarks


def from_asmnet(landmarks: Tensor) -> Tensor:
    """ASMNet's coordinates to crop coordinates 0..1."""
    return 0.5 - landmarks


def _same_padding(stride: int) -> nn.Module:
    # Keras pads an even picture by one on the right and below before a stride of two.
    return nn.ZeroPad2d((0, 1, 0, 1)) if stride == 2 else nn.ZeroPad2d(1)


def _normalised(channels: int, active: bool) -> list[nn.Module]:
    norm: list[nn.Module] = [nn.BatchNorm2d(channels, eps=1e-3, momentum=0.001)]
    return [*norm, nn.ReLU6(inplace=True)] if active else norm


class _Block(nn.Module):
    """Inverted residual block of MobileNetV2 (arXiv 1801.04381)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [nn.Conv2d(inputs, hidden, 1, bias=False), *_normalised(hidden, True)]
        layers += [
            _same_padding(stride),
            nn.Conv2d(hidden, hidden, 3, stride, groups=hidden, bias=False),
            *_normalised(hidden, True),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            *_normalised(outputs, False),
        ]
        self.body = nn.Sequential(*layers)
        self.outputs = outputs
        self.summed = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.summed else self.body(x)


def _stem() -> nn.Sequential:
    return nn.Sequential(
        _same_padding(2), nn.Conv2d(3, 32, 3, 2, bias=False), *_normalised(32, True)
    )


def _blocks() -> list[_Block]:
    """MobileNetV2's 17 inverted residual blocks; Keras numbers them from 0 too."""
    blocks, inputs = [], 32
    for stage, (outputs, count, stride) in enumerate(_STAGES):
        for i in range(count):
            blocks.append(_Block(inputs, outputs, stride if i == 0 else 1, 6 if stage else 1))
            inputs = outputs
    return blocks


@dataclass(frozen=True, slots=True)
class AsmNetSettings:
    """Settings of both networks: number of landmarks (68 or 98) and dropout in training."""

    points: int = 68
    dropout: float = PUBLISHED_DROPOUT


class _Heads(nn.Module):
    """Linear heads for landmarks and angles."""

    def __init__(self, features: int, settings: AsmNetSettings) -> None:
        super().__init__()
        self.dropout = nn.Dropout(settings.dropout)
        self.landmarks = nn.Linear(features, 2 * settings.points)
        self.angles = nn.Linear(features, 3)

    def forward(self, features: Tensor) -> AsmNetOutput:
        x = self.dropout(features)
        return AsmNetOutput(self.landmarks(x).unflatten(-1, (-1, 2)), self.angles(x))


class AsmNet(nn.Module):
    """(N, 224, 224, 3) uint8 BGR crops to :class:`AsmNetOutput`."""

    def __init__(self, settings: AsmNetSettings) -> None:
        super().__init__()
        self.stem = _stem()
        blocks = _blocks()[:16]
        self.blocks = nn.ModuleList(blocks)
        self.heads = _Heads(sum(blocks[i].outputs for i in _TAPS), settings)

    def forward(self, crops: Tensor) -> AsmNetOutput:
        """(N, S, S, 3) uint8 BGR crops to landmarks and angles."""
        heads: AsmNetOutput = self.heads(self.features(crops))
        return heads

    def features(self, crops: Tensor) -> Tensor:
        """(N, FEATURES) mean of each channel of the six taps."""
        x = self.stem(_to_rgb(crops))
        taps = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in _TAPS:
                taps.append(x.mean((2, 3)))
        return torch.cat(taps, 1)


class MobileNetV2(nn.Module):
    """The baseline: all of MobileNetV2, global average pooling and the same heads."""

    def __init__(self, settings: AsmNetSettings) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            _stem(), *_blocks(), nn.Conv2d(320, 1280, 1, bias=False), *_normalised(1280, True)
        )
        self.heads = _Heads(1280, settings)

    def forward(self, crops: Tensor) -> AsmNetOutput:
        """(N, S, S, 3) uint8 BGR crops to landmarks and angles."""
        heads: AsmNetOutput = self.heads(self.backbone(_to_rgb(crops)).mean((2, 3)))
        return heads


def _to_rgb(crops: Tensor) -> Tensor:
    """BGR bytes to RGB in 0..1, channels first."""
    return crops.flip(-1).permute(0, 3, 1, 2).float() / 255.0
