# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detector network: plain 3x3 convolutions with one output grid of face scores and boxes.

The picture is halved five times. What is coarse, which sees heads on shoulders where a face has few
pixels, is brought back up and added to what is fine; one grid with a cell per 8 pixels says how
surely a face's middle lies in each cell (after CenterNet, arXiv 1904.07850), and that face's box.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from atpn_ros.learning.networks.blocks import Residual, conv

STRIDE = 8
"""Pixels per cell of the output grid."""
MULTIPLE = 32
"""Both sides of the input are multiples of this."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """The network's size.

    Attributes:
        stem: Channels at half and at a quarter of the resolution.
        channels: Channels at an eighth, a sixteenth and a thirty-second.
        blocks: Residual blocks at an eighth, a sixteenth and a thirty-second.
    """

    stem: tuple[int, int] = (16, 24)
    channels: tuple[int, int, int] = (32, 64, 96)
    blocks: tuple[int, int, int] = (1, 2, 2)


class Detector(nn.Module):
    """(N, H, W, 3) uint8 BGR to (N, 5, H/8, W/8): a logit, and the box's four numbers.

    The box of a cell is in cells: its middle's offset from the cell's middle in x and y, then the
    logarithms of width and height.
    """

    def __init__(self, settings: DetectorSettings | None = None) -> None:
        super().__init__()
        s = self.settings = settings or DetectorSettings()
        fine, middle, coarse = s.channels
        self.stem = nn.Sequential(conv(3, s.stem[0], 2), conv(s.stem[0], s.stem[1], 2))
        self.eighth = _stage(s.stem[1], fine, s.blocks[0])
        self.sixteenth = _stage(fine, middle, s.blocks[1])
        self.last = _stage(middle, coarse, s.blocks[2])
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.narrow = conv(coarse, middle, kernel=1)
        self.middle = conv(middle, middle)
        self.down = conv(middle, fine, kernel=1)
        self.fuse = conv(fine, fine)
        self.out = nn.Conv2d(fine, 5, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        with torch.no_grad():
            # A face in a hundred cells, of about four cells a side.
            self.out.bias.copy_(torch.tensor([-4.6, 0.0, 0.0, 1.0, 1.2]))

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        x = images.float().permute(0, 3, 1, 2) * (1 / 64) - 2.0
        eighth = self.eighth(self.stem(x))
        sixteenth = self.sixteenth(eighth)
        sixteenth = self.middle(sixteenth + self.up(self.narrow(self.last(sixteenth))))
        return self.out(self.fuse(eighth + self.up(self.down(sixteenth))))


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(conv(inputs, outputs, 2), *(Residual(outputs, 2) for _ in range(blocks)))
