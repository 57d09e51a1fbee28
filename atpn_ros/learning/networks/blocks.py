# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Building blocks of the networks: convolution layers and residual blocks.

Plain 3x3 convolutions take the least time per operation on CPUs with wide vector units.
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn


def conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch norm and ReLU; the size is kept, or divided by ``stride``."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Residual block of ``depth`` 3x3 convolutions, with ``inner`` channels between them."""

    def __init__(self, channels: int, depth: int, inner: int | None = None) -> None:
        super().__init__()
        sizes = [channels, *[inner or channels] * (depth - 1)]
        self.body = nn.Sequential(
            *(conv(a, b) for a, b in itertools.pairwise(sizes)),
            nn.Conv2d(sizes[-1], channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return self.relu(x + self.body(x))
