# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Refines the landmarks of ATPN with features that are sampled at the landmarks themselves.

One step of a cascaded regression (as in the supervised descent method, Xiong and De la Torre 2013),
with learned features. The 16x16 maps place a landmark by all of the face; what lies right at it is
seen only in maps of a higher resolution.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from atpn_ros import landmark_layouts
from atpn_ros.learning.networks.row_numbers import crop_numbers, rows_at

LANDMARKS = landmark_layouts.WFLW98
SIDE = 32
"""Cells along a side of the maps that are sampled."""
CHANNELS = 8
"""Channels of a sample."""
EMBEDDED = 6
"""Features of a landmark."""
HIDDEN = 40
"""Hidden units of the layer that sees all landmarks."""
OFFSETS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
"""Where a landmark is sampled: cells in x and y from its position."""
_BLOCK = 4
"""Cells along a side of the block around a landmark that all its samples lie in."""


SHIFT = 0.01
"""Size of the shifts beside other features, in crop coordinates."""


class Refinement(NamedTuple):
    """What is added for N crops.

    Attributes:
        shift: (N, 98, 2) to the landmarks, crop coordinates.
        hidden: (N, HIDDEN) features of all landmarks.
    """

    shift: Tensor
    hidden: Tensor


class LandmarkRefinement(nn.Module):
    """Shifts of the landmarks, computed from samples of feature maps at and around them.

    Each landmark has weights of its own for its samples; one hidden layer sees all landmarks.

    Args:
        inputs: Channels of the maps.
        pooled: Number of pooled features.
    """

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        samples = len(OFFSETS) * CHANNELS
        self.project = nn.Conv2d(inputs, CHANNELS, 1)
        self.weight = nn.Parameter(torch.randn(LANDMARKS, samples, EMBEDDED + 2) * samples**-0.5)
        self.bias = nn.Parameter(torch.zeros(LANDMARKS, 1, EMBEDDED + 2))
        self.mix = nn.Linear(LANDMARKS * (EMBEDDED + 2) + pooled, HIDDEN)
        self.out = nn.Linear(HIDDEN, 2 * LANDMARKS)
        self.turn = nn.Linear(HIDDEN, 6, bias=False)
        nn.init.zeros_(self.turn.weight)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.weight[..., EMBEDDED:].zero_()
        # Factors of the weights, so that all of them are about equally large. Coordinates are in
        # quarters of the crop's side.
        inputs_scale = torch.ones(self.mix.in_features)
        inputs_scale[LANDMARKS * EMBEDDED : LANDMARKS * (EMBEDDED + 2)] = 4.0
        seen_scale = torch.tensor([1.0] * EMBEDDED + [SHIFT] * 2)
        cells = torch.arange(_BLOCK, dtype=torch.float32)
        for name, value in {
            "inputs_scale": inputs_scale,
            "seen_scale": seen_scale,
            "block": (cells[:, None] * SIDE + cells).reshape(-1) - SIDE**2,  # crops count from 1
            "step": torch.tensor([[1.0], [float(SIDE)]]),
            "interpolation": _interpolation(),
        }.items():
            self.register_buffer(name, value, persistent=False)

    def forward(self, maps: Tensor, landmarks: Tensor, pooled: Tensor) -> Refinement:
        """Compute what is added.

        Args:
            maps: (N, inputs, SIDE, SIDE).
            landmarks: (N, 98, 2) crop coordinates.
            pooled: (N, pooled) features of the whole crop.
        """
        return self.refine(self.samples(maps, landmarks), landmarks, pooled)

    def samples(self, maps: Tensor, landmarks: Tensor) -> Tensor:
        """(N, 98, len(OFFSETS), CHANNELS) samples of the projected maps, bilinear.

        Landmarks near the border and outside are sampled inside. The same as ``grid_sample``, which
        takes more than twice as long in ONNX Runtime on a CPU.
        """
        rows = self.project(maps.float()).permute(0, 2, 3, 1).reshape(-1, CHANNELS)
        # Of the block's first cell; the second one is left above the landmark.
        position = (landmarks * SIDE - 1.5).clamp(0.0, SIDE - _BLOCK + 0.99)
        cell = position.floor()
        part = position - cell
        first = crop_numbers(landmarks.reshape(-1, 2 * LANDMARKS))[..., None] * SIDE**2
        block = rows_at(rows, cell @ self.step + (self.block + first))
        terms = torch.cat([part, part[..., :1] * part[..., 1:]], 2)
        weights = terms @ self.interpolation[1:] + self.interpolation[0]
        return weights.reshape(-1, LANDMARKS, len(OFFSETS), _BLOCK**2) @ block

    def refine(self, samples: Tensor, landmarks: Tensor, pooled: Tensor) -> Refinement:
        """As :meth:`forward`, from the output of :meth:`samples`."""
        flat = samples.reshape(-1, LANDMARKS, 1, len(OFFSETS) * CHANNELS)
        seen = flat @ (self.weight * self.seen_scale) + self.bias * self.seen_scale
        seen = seen.reshape(-1, LANDMARKS, EMBEDDED + 2)
        embedded, own = seen.split([EMBEDDED, 2], 2)
        features = torch.relu(embedded).reshape(-1, LANDMARKS * EMBEDDED)
        known = torch.cat([features, landmarks.reshape(-1, 2 * LANDMARKS), pooled], 1)
        weight = self.mix.weight * self.inputs_scale
        hidden = torch.relu(functional.linear(known, weight, self.mix.bias))
        out = functional.linear(hidden, self.out.weight * SHIFT, self.out.bias * SHIFT)
        return Refinement(own + out.reshape(-1, LANDMARKS, 2), hidden)

    def pose(self, mixed: Tensor, hidden: Tensor, head: nn.Linear) -> Tensor:
        """(N, 6) the rotation's numbers, of the pose head's features and these, as one product.

        Args:
            mixed: (N, K) inputs of the pose head.
            hidden: (N, HIDDEN) of :class:`Refinement`.
            head: The pose head's last layer.
        """
        weight = torch.cat([head.weight, self.turn.weight], 1)
        return functional.linear(torch.cat([mixed, hidden], 1), weight, head.bias)


def _interpolation() -> Tensor:
    """(4, samples * cells) matrix from 1, x, y and x y to the bilinear weights of a block's cells.

    x and y are the position between the second and the third cell of the block, 0 to 1.
    """
    out = torch.zeros(4, len(OFFSETS), _BLOCK, _BLOCK)
    for sample, (dx, dy) in enumerate(OFFSETS):
        for row, (y0, y1) in enumerate(((1.0, -1.0), (0.0, 1.0))):  # weight y0 + y1 * y
            for column, (x0, x1) in enumerate(((1.0, -1.0), (0.0, 1.0))):
                terms = (x0 * y0, x1 * y0, x0 * y1, x1 * y1)
                out[:, sample, 1 + dy + row, 1 + dx + column] = torch.tensor(terms)
    return out.reshape(4, -1)
