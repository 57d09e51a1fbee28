# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The presence head: classifies from feature maps whether a crop contains the face."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atpn_ros.learning.networks.blocks import conv

_JOINED, _SMALL, HIDDEN = 48, 64, 32


class PresenceHead(nn.Module):
    """Adds to the logit of each crop; nothing before it is trained.

    The features that tell pose and landmarks describe a face where there is none just as well. What
    tells the two apart is read from the maps before them.

    Args:
        width: Of the network.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shrink = nn.AvgPool2d(2)  # 8
        self.join = conv(10 * width, _JOINED, kernel=1)
        self.small = conv(_JOINED, _SMALL, 2)  # 4
        self.first = nn.Linear(16 * _SMALL + 64 * width, HIDDEN)
        self.last = nn.Linear(HIDDEN, 1, bias=False)
        nn.init.zeros_(self.last.weight)
        self.drop = nn.Dropout(0.3)
        self.inputs = 16 * _SMALL

    def forward(self, middle: Tensor, deep: Tensor, cells: Tensor, logit: Tensor) -> Tensor:
        """(N, 1) logits.

        Args:
            middle: (N, 4 width, 16, 16).
            deep: (N, 6 width, 8, 8).
            cells: (N, 64 width) cells of the heads.
            logit: (N, 1) the logit that the output of this head is added to.
        """
        seen = self.small(self.join(torch.cat([self.shrink(middle), deep], 1)))
        with torch.autocast(middle.device.type, enabled=False):
            known = torch.cat([seen.float().reshape(-1, self.inputs), cells], 1)
            hidden = torch.relu(self.first(self.drop(known)))
            return torch.addmm(logit, self.drop(hidden), self.last.weight.T)
