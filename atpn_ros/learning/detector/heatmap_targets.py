# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CenterNet heatmap and box targets of a scene, and the training loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from atpn_ros.learning.detector.network import STRIDE
from atpn_ros.types import Floats

_SPREAD = 0.11
"""Spread of a face's spot over its size, and at least a third of a cell."""
_BOX_FROM = 0.5
"""Height of the spot from which a cell must know the box."""
_BOX_WEIGHT = 1.0


class Targets(NamedTuple):
    """Of N scenes of H x W cells.

    Attributes:
        heat: (N, H, W) 1 where a face's middle is, falling off around it.
        care: (N, H, W) 0 where the heatmap has no loss.
        boxes: (N, 4, H, W) as the network codes them.
        weight: (N, H, W) of each cell's box; sums to 1 per face.
    """

    heat: Floats
    care: Floats
    boxes: Floats
    weight: Floats


def encode(boxes: Floats, ignored: Floats, size: tuple[int, int]) -> tuple[Floats, ...]:
    """The fields of :class:`Targets` of one scene.

    Args:
        boxes: (K, 4) corners of faces, pixels.
        ignored: (L, 4) corners of areas without a loss.
        size: Width and height of the picture, pixels.
    """
    columns, rows = size[0] // STRIDE, size[1] // STRIDE
    heat, weight = np.zeros((2, rows, columns), np.float32)
    care = np.ones((rows, columns), np.float32)
    coded = np.zeros((4, rows, columns), np.float32)
    y, x = np.mgrid[:rows, :columns].astype(np.float32) + 0.5
    for x0, y0, x1, y1 in ignored / STRIDE:
        care[(x > x0) & (x < x1) & (y > y0) & (y < y1)] = 0
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    for i in np.argsort(-areas):  # the smaller one, drawn later, keeps its cells
        x0, y0, x1, y1 = boxes[i] / STRIDE
        w, h, cx, cy = max(x1 - x0, 0.1), max(y1 - y0, 0.1), (x0 + x1) / 2, (y0 + y1) / 2
        at = int(np.clip(cy, 0, rows - 1)), int(np.clip(cx, 0, columns - 1))
        sx, sy = max(_SPREAD * w, 0.35), max(_SPREAD * h, 0.35)
        spot = np.exp(-0.5 * (((x - x[at]) / sx) ** 2 + ((y - y[at]) / sy) ** 2))
        heat = np.maximum(heat, spot)
        heat[at] = 1.0
        care[at] = 1.0
        mine = spot >= _BOX_FROM
        weight[mine] = 1.0 / mine.sum()
        code = (cx - x, cy - y, np.full_like(x, np.log(w)), np.full_like(x, np.log(h)))
        coded[:, mine] = np.stack(code)[:, mine]
    return heat, care, coded, weight


def mirrored(targets: Targets) -> Targets:
    """Of the scenes seen in a mirror; tensors."""
    heat, care, boxes, weight = (torch.as_tensor(t).flip(-1) for t in targets)
    turned = torch.cat([-boxes[:, :1], boxes[:, 1:]], 1)
    return Targets(heat, care, turned, weight)


def loss(cells: Tensor, targets: Targets) -> Tensor:
    """(2,) losses of heat (focal) and boxes (relative to their size), per face.

    Args:
        cells: (N, 5, H, W) of the network.
        targets: Tensors.
    """
    heat, care, boxes, weight = targets
    logit = cells[:, 0].float()
    hit = heat > 0.999
    sure = logit.sigmoid()
    found = F.logsigmoid(logit) * (1 - sure) ** 2 * hit
    missed = F.logsigmoid(-logit) * sure**2 * (1 - heat) ** 4 * ~hit * care
    faces = hit.sum().clamp(min=1)
    error = (cells[:, 1:].float() - boxes).abs()
    relative = error[:, :2] * torch.exp(-boxes[:, 2:].clamp(min=0.0))
    box = ((relative.sum(1) + error[:, 2:].sum(1)) * weight).sum() / weight.sum().clamp(min=1)
    return torch.stack([-(found.sum() + missed.sum()) / faces, box * _BOX_WEIGHT])
