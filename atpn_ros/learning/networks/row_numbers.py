# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers the crops of a batch, to pick rows of each crop by their index.

Counting the crops by the tensors' shape would export arithmetic on shapes, which TensorRT 8.5 does
not always build.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from atpn_ros import landmark_layouts


def crop_numbers(points: Tensor) -> Tensor:
    """(N, 1) numbers 1.0 to N of the crops: a running sum over a column of ones.

    Args:
        points: (N, 196) the landmarks; only their number counts.
    """
    nothing = torch.zeros(1, 2 * landmark_layouts.WFLW98, device=points.device)
    return functional.linear(points, nothing, torch.ones(1, device=points.device)).cumsum(0)


def rows_at(values: Tensor, index: Tensor) -> Tensor:
    """(..., C) rows of (R, C) values by their indices.

    Args:
        values: R of them, at most 2**24: indices beyond are not exact.
        index: (...) whole numbers, float32.
    """
    return values[index.long()]
