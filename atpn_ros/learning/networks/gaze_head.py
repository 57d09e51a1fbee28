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
from atpn_ros.learning.networks.exported_operators import (
    gather_rows,
    interpolation_weights,
    normalize,
)

HEIGHT, WIDTH = 16, 32
"""Size of an eye's patch in samples."""

_REACH = 33 / CROP_SIZE
"""Width of a patch as a fraction of the crop's: one and a half eyes."""

_ROWS = 18
"""Rows of the crop that a patch reaches over."""

_FEATURES = 48
CELLS = 2 * 4 * _FEATURES
"""Features of a patch."""

RANK = 48
"""Combinations of a patch's features that are used: fewer weights, in less time."""

HIDDEN = 64
"""Hidden units for each eye."""

LABEL_ERROR = math.radians(1.0)
"""Error of the labels in radians, and so the smallest error that is expected: people who look into
the lens do so within a degree or two."""

_CONTEXT = 9 + 4
"""Inputs for each eye besides the patches: the head rotation and both eyes' positions."""


class EyeGaze(nn.Module):
    """Unit directions of both eyes in the crop's own camera.

    Each eye is cut out around its lids' middle by linear interpolation in columns, then in rows,
    the right one mirrored, so that both share one set of weights. Each
    direction is computed from both patches, because both eyes look at one target. The output is an
    offset from the head's own x axis.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 8, 2), conv(8, 32), conv(32, 48, 2), conv(48, 48),
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
        self.register_buffer("pixels", torch.arange(float(CROP_SIZE)), persistent=False)
        for name, values in _constants().items():
            self.register_buffer(name, values, persistent=False)

    def forward(self, x: Tensor, landmarks: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
        """Estimate the gaze, and how far it is expected to be off.

        Args:
            x: (N, S, S, 3) crops, centred to -128..127.
            landmarks: (N, 98, 2) crop coordinates 0..1.
            rotation: (N, 9) rows of the rotation from the head to the crop's camera.

        Returns:
            (N, 2, 3) unit directions of the right and left eye, and (N, 2) the logarithms of the
            expected angles between them and the true directions, in radians.
        """
        middles = landmarks.reshape(-1, 2 * landmark_layouts.WFLW98) @ self.lids
        return self.directions(self.patches(x, middles), middles, rotation)

    def directions(
        self, patches: Tensor, middles: Tensor, rotation: Tensor
    ) -> tuple[Tensor, Tensor]:
        """As :meth:`forward`, from (2 N, 3, HEIGHT, WIDTH) patches that were cut out before."""
        features = self.features(patches).reshape(-1, CELLS)
        with torch.autocast(patches.device.type, enabled=False):
            seen = self.reduce(features.float()).reshape(-1, 2 * RANK)
            known = torch.cat([seen, middles, rotation], 1)
            both = functional.linear(known, *self.first_layer()).reshape(-1, HIDDEN)
            hidden = self.read[:3](both).reshape(-1, 2 * HIDDEN)
            weight, bias = self.last_layer()
            # The head's x axis, in the camera: where the face points.
            axes = functional.linear(rotation, self.x_axes, bias)
            gaze, spread = torch.addmm(axes, hidden, weight).split([6, 2], 1)
            return normalize(gaze.reshape(-1, 2, 3)), spread.clamp(min=math.log(LABEL_ERROR))

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

    def last_layer(self) -> tuple[Tensor, Tensor]:
        """Weight (2 HIDDEN, 8) and bias (8) of the last layer of both eyes, as one product.

        Of its outputs, three are the right eye's direction, three the left's, two their spreads.
        """
        right, left = (self.read[3].weight * self.flip[eye][:, None] for eye in range(2))
        zero, spread = torch.zeros_like(left), self.spread.weight
        nothing = torch.zeros_like(spread)
        weight = torch.cat(
            [torch.cat([right, zero, spread, nothing]), torch.cat([zero, left, nothing, spread])], 1
        )
        directions = (self.read[3].bias * self.flip).reshape(-1)
        return weight.T, torch.cat([directions, self.spread.bias, self.spread.bias])

    def patches(self, x: Tensor, middles: Tensor) -> Tensor:
        """(2 N, 3, HEIGHT, WIDTH) patches, right and left eyes alternating.

        Args:
            x: (N, S, S, 3); channels last, so that a row of pixels is picked as a whole.
            middles: (N, 4) x and y of the middle of the right eye's lids, then of the left one's,
                crop coordinates.
        """
        positions = functional.linear(middles, self.positions, self.offsets)
        # Linear interpolation: the weight of each pixel in a sample.
        rows, columns, first = positions.split([2 * HEIGHT, 2 * WIDTH, 2], 1)
        seen = first.reshape(-1, 2, 1, 1, 1).floor().clamp(0.0, float(CROP_SIZE - _ROWS))
        seen = seen + self.pixels[:_ROWS]
        down = interpolation_weights(rows.reshape(-1, 2, 1, HEIGHT, 1) - seen)
        across = interpolation_weights(columns.reshape(-1, 2, 1, WIDTH, 1) - self.pixels)
        pixels = (
            gather_rows(x.reshape(-1, CROP_SIZE, CROP_SIZE * 3), seen.reshape(-1, 2 * _ROWS, 1))
            .reshape(-1, 2, _ROWS, CROP_SIZE, 3)
            .permute(0, 1, 4, 2, 3)
        )
        patches = down @ (pixels @ across.transpose(3, 4))
        return patches.reshape(-1, 3, HEIGHT, WIDTH)


def _constants() -> dict[str, Tensor]:
    """Constant matrices that replace many small operations by one product each.

    * ``lids`` (196, 4): from landmarks to the middles of both eyes' lids;
    * ``positions`` (2 HEIGHT + 2 WIDTH + 2, 4) and ``offsets``: from these to the pixel rows and
      columns of the samples, and to the first rows once more, the right eye's before the left's,
      its columns mirrored;
    * ``eye_context`` (13, 2 _CONTEXT): from the centred middles and the rotation to each eye's own
      position, the other's and the rotation; the right eye mirrored to a left one;
    * ``x_axes`` (8, 9): from a rotation to its first column, for either eye, and two zeros;
    * ``flip`` (2, 3): undoes the mirroring of the directions.
    """
    lids = torch.zeros(landmark_layouts.WFLW98, 2, 2, 2)  # of landmark and axis: to eye and axis
    for eye, points in enumerate((landmark_layouts.RIGHT_EYE, landmark_layouts.LEFT_EYE)):
        for axis in range(2):
            lids[list(points), axis, eye, axis] = 1 / len(points)
    step = _REACH * CROP_SIZE / WIDTH
    across = (torch.arange(WIDTH) - (WIDTH - 1) / 2) * step
    down = (torch.arange(HEIGHT) - (HEIGHT - 1) / 2) * step
    x, y = ((0, 2), (1, 3))  # among the four of both eyes
    sources = [(y, HEIGHT), (x, WIDTH), (y, 1)]
    positions = torch.cat(
        [torch.eye(4)[eye].expand(count, -1) for pair, count in sources for eye in pair]
    )
    eye_context = torch.eye(13)[:, [0, 1, 2, 3, *range(4, 13), 2, 3, 0, 1, *range(4, 13)]]
    eye_context = eye_context.reshape(13, 2, _CONTEXT)
    # A mirrored head: x of the camera and y of the head change sign.
    turn = [-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0]
    eye_context[:, 0] *= torch.tensor([-1.0, 1.0, -1.0, 1.0, *turn])
    first = torch.eye(9)[[0, 3, 6]]
    return {
        "lids": lids.reshape(-1, 4),
        "positions": positions * CROP_SIZE,
        "offsets": torch.cat([down, down, -across, across, down[:1], down[:1]]) - 0.5,
        "eye_context": eye_context.reshape(-1, 2 * _CONTEXT),
        "x_axes": torch.cat([first, first, torch.zeros(2, 9)]),
        "flip": torch.tensor([[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]),
    }
