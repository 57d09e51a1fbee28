# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The gaze head of ATPN: directions of both eyes from patches of the crop around them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from atpn_ros import landmark_layouts
from atpn_ros.crop import CROP_SIZE
from atpn_ros.learning.networks.blocks import conv
from atpn_ros.learning.networks.row_numbers import crop_numbers, rows_at

HEIGHT, WIDTH = 20, 32
"""Size of an eye's patch in samples."""

_REACH = 33 / CROP_SIZE
"""Width of a patch as a fraction of the crop's: one and a half eyes."""

_FEATURES = 48
CELLS = 3 * 4 * _FEATURES
"""Features of a patch."""

RANK = 48
"""Combinations of a patch's features that are used: fewer weights, in less time."""

HIDDEN = 64
"""Hidden units for each eye."""

_CONTEXT = 9 + 4
"""Inputs for each eye besides the patches: the head rotation and both eyes' positions."""


class EyeGaze(nn.Module):
    """Unit directions of both eyes in the crop's own camera.

    Each eye is cut out around its lids' middle by linear interpolation in rows, then in columns,
    the right one mirrored, so that both share one set of weights. Each
    direction is computed from both patches, because both eyes look at one target. The output is an
    offset from the head's own x axis.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 16, 2), conv(16, 32), conv(32, 48, 2), conv(48, 48),
            conv(48, _FEATURES, 2),
        )  # fmt: skip
        self.reduce = nn.Linear(CELLS, RANK)
        self.sides = nn.Linear(RANK, 2 * HIDDEN)  # of a patch: for its own eye, and the other
        self.context = nn.Linear(_CONTEXT, HIDDEN)
        self.read = nn.Sequential(
            nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 3)
        )
        self.spread = nn.Linear(HIDDEN, 1)  # log of the expected angle to the true direction
        nn.init.zeros_(self.spread.weight)
        nn.init.constant_(self.spread.bias, math.log(0.1))
        nn.init.normal_(self.read[3].weight, std=1e-2)
        nn.init.zeros_(self.read[3].bias)
        self.register_buffer("pair", torch.tensor([0.0, 1.0]), persistent=False)
        self.register_buffer("pixels", torch.arange(float(CROP_SIZE)), persistent=False)
        for name, values in _constants().items():
            self.register_buffer(name, values, persistent=False)

    def forward(self, x: Tensor, landmarks: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
        """Estimate the gaze, and how far it is expected to be off.

        Args:
            x: (N, S, S, 3) crops, centred to -128..127.
            landmarks: (N, 98, 2) crop coordinates 0..1.
            rotation: (N, 3, 3) head to the crop's camera.

        Returns:
            (N, 2, 3) unit directions of the right and left eye, and (N, 2) the logarithms of the
            expected angles between them and the true directions, in radians.
        """
        return self.directions(self.patches(x, landmarks), landmarks, rotation)

    def directions(
        self, patches: Tensor, landmarks: Tensor, rotation: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`forward`, from (2 N, 3, HEIGHT, WIDTH) patches that were cut out before."""
        points = landmarks.reshape(-1, 2 * landmark_layouts.WFLW98)
        features = self.features(patches).reshape(-1, CELLS)
        with torch.autocast(patches.device.type, enabled=False):
            seen = self.reduce(features.float()).reshape(-1, 2 * RANK)
            known = torch.cat([seen, points, rotation.reshape(-1, 9)], 1)
            both = functional.linear(known, *self.first_layer()).reshape(-1, HIDDEN)
            hidden = self.read[:3](both)
            # Direction and spread by one product: small steps cost as much as large ones.
            weight = torch.cat([self.read[3].weight, self.spread.weight])
            bias = torch.cat([self.read[3].bias, self.spread.bias])
            out = functional.linear(hidden, weight, bias).reshape(-1, 2, 4)
            # The head's x axis, in the camera: where the face points.
            gaze = rotation[:, None, :, 0] + out[..., :3] * self.flip
            return gaze / gaze.norm(dim=-1, keepdim=True), out[..., 3]

    def first_layer(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the first layer of both eyes, as one product.

        Small steps cost as much as large ones on a CPU; in an exported model these are constants.
        """
        own, other = self.sides.weight.split(HIDDEN)
        pictures = torch.cat([torch.cat([own, other], 1), torch.cat([other, own], 1)])
        right, left = self.eye_context.split(_CONTEXT, 1)
        context = torch.cat([right @ self.context.weight.T, left @ self.context.weight.T], 1)
        # Positions are relative to the crop's centre.
        middle = context[:-9].sum(0) * 0.5
        bias = self.sides.bias[:HIDDEN] + self.sides.bias[HIDDEN:] + self.context.bias
        return torch.cat([pictures, context.T], 1), torch.cat([bias, bias]) - middle

    def patches(self, x: Tensor, landmarks: Tensor) -> Tensor:
        """(2 N, 3, HEIGHT, WIDTH) patches, right and left eyes alternating.

        Args:
            x: (N, S, S, 3); channels last, so that the rows' product is one matrix product.
            landmarks: (N, 98, 2) crop coordinates.
        """
        points = landmarks.reshape(-1, 2 * landmark_layouts.WFLW98)
        positions = points @ self.middles + self.offsets
        bands = self._bands(x, positions[:, : 2 * HEIGHT], points)
        # Linear interpolation: the weight of each column in a sample.
        columns = positions[:, 2 * HEIGHT :].unsqueeze(-1) - self.pixels
        across = (1.0 - columns.abs()).clamp(min=0.0).reshape(-1, 2, 1, WIDTH, CROP_SIZE)
        bands = bands.reshape(-1, 2, HEIGHT, CROP_SIZE, 3).permute(0, 1, 4, 2, 3)
        return (bands @ across.transpose(3, 4)).reshape(-1, 3, HEIGHT, WIDTH)

    def _bands(self, x: Tensor, positions: Tensor, points: Tensor) -> Tensor:
        """(N, 2 HEIGHT, 1, S * 3) rows between those of the crops; 0 outside."""
        upper = positions.floor().clamp(0.0, CROP_SIZE - 2.0)
        both = upper.unsqueeze(-1) + self.pair
        weights = (1.0 - (positions.unsqueeze(-1) - both).abs()).clamp(min=0.0)
        first = crop_numbers(points).unsqueeze(-1) * CROP_SIZE - CROP_SIZE
        rows = rows_at(x.reshape(-1, CROP_SIZE * 3), both + first)
        return weights.unsqueeze(2) @ rows


def _constants() -> dict[str, Tensor]:
    """Constant matrices that replace many small operations by one product each.

    * ``middles`` (196, 2 HEIGHT + 2 WIDTH) and ``offsets``: from landmarks to the pixel rows and
      columns of the samples, the right eye's before the left's, its columns mirrored;
    * ``eye_context`` (205, 2 _CONTEXT): from centred landmarks and the rotation to each eye's own
      position, the other's and the rotation; the right eye mirrored to a left one;
    * ``flip`` (2, 3): undoes the mirroring of the directions.
    """
    eyes = torch.zeros(2, 2 * landmark_layouts.WFLW98, 2)  # of the right and left eye: x and y
    for eye, lids in enumerate((landmark_layouts.RIGHT_EYE, landmark_layouts.LEFT_EYE)):
        for i in lids:
            for axis in range(2):
                eyes[eye, 2 * i + axis, axis] = 1 / len(lids)
    step = _REACH * CROP_SIZE / WIDTH
    across = (torch.arange(WIDTH) - (WIDTH - 1) / 2) * step
    down = (torch.arange(HEIGHT) - (HEIGHT - 1) / 2) * step
    middles = torch.cat(
        [eyes[eye, :, axis : axis + 1].expand(-1, size)
         for axis, size in ((1, HEIGHT), (0, WIDTH)) for eye in range(2)], 1,
    )  # fmt: skip
    eye_context = torch.zeros(2 * landmark_layouts.WFLW98 + 9, 2, _CONTEXT)
    for eye in range(2):
        eye_context[:-9, eye, 0:2], eye_context[:-9, eye, 2:4] = eyes[eye], eyes[1 - eye]
        eye_context[-9:, eye, 4:] = torch.eye(9)
    # A mirrored head: x of the camera and y of the head change sign.
    turn = [-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0]
    eye_context[:, 0] *= torch.tensor([-1.0, 1.0, -1.0, 1.0, *turn])
    return {
        "middles": middles * CROP_SIZE,
        "offsets": torch.cat([down, down, -across, across]) - 0.5,
        "eye_context": eye_context.reshape(-1, 2 * _CONTEXT),
        "flip": torch.tensor([[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]),
    }
