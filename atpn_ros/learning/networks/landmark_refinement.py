# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Refines the landmarks of ATPN with features that are sampled at the landmarks themselves.

One step of a cascaded regression (as in the supervised descent method, Xiong and De la Torre 2013),
with learned features. In the 16x16 maps a landmark's position depends on the whole face; only maps
of a higher resolution contain the details at the landmark itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from atpn_ros import landmark_layouts
from atpn_ros.learning.networks.exported_operators import gather_rows, matmul_per_landmark

LANDMARKS = landmark_layouts.WFLW98
EMBEDDED = 8
"""Features of a landmark."""
OFFSETS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
"""Where a landmark is sampled: cells in x and y from its position."""
SHIFT = 0.01
"""Size of the shifts beside other features, in crop coordinates."""
_BLOCK = 4
"""Cells along a side of the block around a landmark that all its samples lie in."""
_CELLS = [
    k for k in range(_BLOCK**2) if k not in (0, _BLOCK - 1, _BLOCK**2 - _BLOCK, _BLOCK**2 - 1)
]
"""Cells of that block, counted in rows, which samples use: all but the corners."""


@dataclass(frozen=True, slots=True)
class RefinementSize:
    """Size of one step.

    Attributes:
        side: Cells along a side of the maps that are sampled.
        channels: Of a sample.
        hidden: Units of the layer that sees all landmarks.
    """

    side: int
    channels: int
    hidden: int


SIZES: Mapping[str, tuple[RefinementSize, ...]] = {
    "none": (),
    "small": (RefinementSize(32, 8, 40),),
    "large": (RefinementSize(32, 32, 128), RefinementSize(64, 16, 96)),
}
"""The steps of each value of the setting ``refinement``; the second one is finer."""


class Refinement(NamedTuple):
    """Result of a step for N crops.

    Attributes:
        shift: (N, 98, 2) to be added to the landmarks, crop coordinates.
        hidden: (N, hidden) features of all landmarks.
    """

    shift: Tensor
    hidden: Tensor


class LandmarkRefinement(nn.Module):
    """Shifts the landmarks by samples of feature maps at and around them.

    A landmark's shift is the sum of two: one from its own samples, with weights of its own, and one
    from a hidden layer that sees all landmarks.

    Args:
        inputs: Channels of the maps.
        pooled: Number of pooled features.
        size: See :class:`RefinementSize`.
    """

    def __init__(self, inputs: int, pooled: int, size: RefinementSize) -> None:
        super().__init__()
        self.size = size
        samples = len(OFFSETS) * size.channels
        self.project = nn.Conv2d(inputs, size.channels, 1)
        self.weight = nn.Parameter(torch.randn(LANDMARKS, samples, EMBEDDED) * samples**-0.5)
        self.bias = nn.Parameter(torch.zeros(LANDMARKS, 1, EMBEDDED))
        self.local = nn.Parameter(torch.zeros(LANDMARKS, EMBEDDED, 2))
        self.mix = nn.Linear(LANDMARKS * (EMBEDDED + 2) + pooled, size.hidden)
        self.out = nn.Linear(size.hidden, 2 * LANDMARKS)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        # Factors of the weights, so that all of them are about equally large. Coordinates are in
        # quarters of the crop's side.
        inputs_scale = torch.ones(self.mix.in_features)
        inputs_scale[LANDMARKS * EMBEDDED : LANDMARKS * (EMBEDDED + 2)] = 4.0
        cells = torch.arange(_BLOCK, dtype=torch.float32)
        interpolation, offset = (v.flatten(1, 2) for v in _interpolation())
        for name, value in {
            "inputs_scale": inputs_scale,
            "block": (cells[:, None] * size.side + cells).reshape(-1)[_CELLS],
            "step": torch.tensor([[1.0, float(size.side)]]).repeat(len(_CELLS), 1),
            "interpolation": interpolation,
            "interpolation_offset": offset,
        }.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, maps: Tensor, landmarks: Tensor, pooled: Tensor) -> Refinement:
        """Compute the shifts.

        Args:
            maps: (N, inputs, side, side).
            landmarks: (N, 98, 2) crop coordinates.
            pooled: (N, pooled) features of the whole crop.
        """
        return self.refine(self.samples(maps, landmarks), landmarks, pooled)

    def samples(self, maps: Tensor, landmarks: Tensor) -> Tensor:
        """(N, 98, len(OFFSETS), channels) samples of the projected maps, bilinear.

        Landmarks near the border and outside are sampled inside. The same as ``grid_sample``, which
        takes more than twice as long in ONNX Runtime on a CPU.
        """
        side = self.size.side
        rows = self.project(maps.float()).permute(0, 2, 3, 1)
        # Of the block's first cell; the second one is left above the landmark.
        flat = landmarks.reshape(-1, 2)
        position = (flat * float(side) - 1.5).clamp(0.0, side - _BLOCK + 0.99)
        cell = position.floor()
        index = functional.linear(cell, self.step, self.block)
        block = gather_rows(
            rows.reshape(-1, side**2, self.size.channels),
            index.reshape(-1, LANDMARKS, len(_CELLS), 1),
        )
        # Bilinear weights are products of one factor in x and one in y.
        part = position - cell
        x = functional.linear(part, self.interpolation[0], self.interpolation_offset[0])
        y = functional.linear(part, self.interpolation[1], self.interpolation_offset[1])
        return (x * y).reshape(-1, LANDMARKS, len(OFFSETS), len(_CELLS)) @ block

    def refine(self, samples: Tensor, landmarks: Tensor, pooled: Tensor) -> Refinement:
        """As :meth:`forward`, from the output of :meth:`samples`."""
        flat = samples.reshape(-1, LANDMARKS, 1, len(OFFSETS) * self.size.channels)
        features = torch.relu(matmul_per_landmark(flat, self.weight) + self.bias)
        points = landmarks.reshape(-1, 2 * LANDMARKS)
        weight = self.mix.weight * self.inputs_scale
        known = torch.cat([features.reshape(-1, LANDMARKS * EMBEDDED), points, pooled], 1)
        hidden = torch.relu(functional.linear(known, weight, self.mix.bias))
        out = functional.linear(hidden, self.out.weight * SHIFT, self.out.bias * SHIFT)
        local = matmul_per_landmark(features, self.local * SHIFT).reshape(-1, LANDMARKS, 2)
        return Refinement(local + out.reshape(-1, LANDMARKS, 2), hidden)


def _interpolation() -> tuple[Tensor, Tensor]:
    """Slopes (2, samples, cells, 2) and offsets (2, samples, cells) of the bilinear weights.

    A weight is the product of two factors, which are linear in the position between the second and
    the third cell of the block, x and y from 0 to 1: first those of x, then those of y.
    """
    slope = torch.zeros(2, len(OFFSETS), _BLOCK, _BLOCK, 2)  # of x or y, sample, row, column
    offset = torch.zeros(2, len(OFFSETS), _BLOCK, _BLOCK)
    for sample, (dx, dy) in enumerate(OFFSETS):
        for far, sign in ((0, -1.0), (1, 1.0)):
            slope[0, sample, :, 1 + dx + far, 0] = sign
            offset[0, sample, :, 1 + dx + far] = 1.0 - far
            slope[1, sample, 1 + dy + far, :, 1] = sign
            offset[1, sample, 1 + dy + far] = 1.0 - far
    return slope.flatten(2, 3)[:, :, _CELLS], offset.flatten(2, 3)[:, :, _CELLS]
