# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detector's network: plain 3x3 convolutions, one map of faces' middles and boxes.

One output grid, a cell per 8 pixels: fine enough for faces of 10 pixels, while coarser features are
brought back up to it, so that a face as large as the picture is found on the same grid. A cell says
how surely a face's middle lies in it (after CenterNet, arXiv 1904.07850), and that face's box.
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
        fine: Channels at an eighth, where faces are told.
        coarse: Channels at a sixteenth and a thirty-second.
    """

    stem: tuple[int, int] = (16, 24)
    fine: int = 32
    coarse: int = 64


class Detector(nn.Module):
    """(N, H, W, 3) uint8 BGR to (N, 5, H/8, W/8): a logit, and the box's four numbers.

    The box of a cell is in cells: its middle's offset from the cell's middle in x and y, then the
    logarithms of width and height.
    """

    def __init__(self, settings: DetectorSettings | None = None) -> None:
        super().__init__()
        s = self.settings = settings or DetectorSettings()
        self.stem = nn.Sequential(conv(3, s.stem[0], 2), conv(s.stem[0], s.stem[1], 2))
        self.eighth = nn.Sequential(conv(s.stem[1], s.fine, 2), Residual(s.fine, 2))
        self.sixteenth = nn.Sequential(conv(s.fine, s.coarse, 2), Residual(s.coarse, 2))
        self.last = nn.Sequential(
            conv(s.coarse, s.coarse, 2), Residual(s.coarse, 2), Residual(s.coarse, 2)
        )
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.narrow = conv(s.coarse, s.coarse, kernel=1)
        self.down = conv(s.coarse, s.fine, kernel=1)
        self.fuse = conv(s.fine, s.fine)
        self.out = nn.Conv2d(s.fine, 5, 1)
        nn.init.normal_(self.out.weight, std=0.01)
        with torch.no_grad():
            # A face in a hundred cells, of about four cells a side.
            self.out.bias.copy_(torch.tensor([-4.6, 0.0, 0.0, 1.4, 1.4]))

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        x = images.float().permute(0, 3, 1, 2) * (1 / 64) - 2.0
        eighth = self.eighth(self.stem(x))
        sixteenth = self.sixteenth(eighth)
        sixteenth = sixteenth + self.up(self.narrow(self.last(sixteenth)))
        return self.out(self.fuse(eighth + self.up(self.down(sixteenth))))
