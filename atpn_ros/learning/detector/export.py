# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exports a trained detector to ONNX for :mod:`atpn_ros.detectors.atpn`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from atpn_ros.learning.detector.network import STRIDE, Detector
from atpn_ros.learning.export.onnx_export import OPSET


class _Deployed(nn.Module):
    """Probabilities, and boxes in pixels."""

    def __init__(self, network: Detector) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        cells = self.network(images)
        return cells[:, 0].sigmoid(), cells[:, 1:]


def export(network: Detector, path: Path) -> None:
    """Write a network as ONNX.

    Input ``image`` (N, H, W, 3) uint8 BGR, sides multiples of 32. Outputs ``scores``
    (N, H/8, W/8) and ``boxes`` (N, 4, H/8, W/8): the middle's offset from the cell's middle and
    the logarithms of width and height, all in cells.
    """
    images = torch.zeros(1, 8 * STRIDE, 12 * STRIDE, 3, dtype=torch.uint8)
    torch.onnx.export(
        _Deployed(network).eval(),
        (images,),
        str(path),
        input_names=["image"],
        output_names=["scores", "boxes"],
        dynamic_axes={
            "image": {0: "batch", 1: "height", 2: "width"},
            "scores": {0: "batch", 1: "rows", 2: "columns"},
            "boxes": {0: "batch", 2: "rows", 3: "columns"},
        },
        opset_version=OPSET,
        dynamo=False,
    )
