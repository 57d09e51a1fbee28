# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Exports an ATPN network to an ONNX file."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from atpn_ros.crop import CROP_SIZE
from atpn_ros.learning.networks.atpn import Atpn

OPSET = 17
OUTPUTS = ("landmarks", "rotation", "presence", "sigma", "gaze", "gaze_sigma")
"""Names of the model's outputs; the last two only if the network has a gaze head."""


class _Deployed(nn.Module):
    """The network with presence as a probability, and sigma instead of its logarithm."""

    def __init__(self, network: Atpn) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        out = self.network(crops)
        values = (out.landmarks, out.rotation, out.presence.sigmoid(), out.log_sigma.exp())
        if out.gaze is None or out.gaze_log_sigma is None:
            return values
        return (*values, out.gaze, out.gaze_log_sigma.exp())


def export(network: Atpn, path: Path) -> None:
    """Write a network as ONNX: input ``crops`` (N, 128, 128, 3) uint8 BGR, batch dynamic."""
    # A copy: tracing wants the network where the crops are, which is not a GPU.
    deployed = _Deployed(copy.deepcopy(network).cpu()).eval()
    outputs = OUTPUTS if network.gaze is not None else OUTPUTS[:-2]
    write_onnx(deployed, path, CROP_SIZE, outputs)


def write_onnx(network: nn.Module, path: Path, side: int, outputs: tuple[str, ...]) -> None:
    """Write a network from crops (N, side, side, 3) uint8 BGR to the named outputs as ONNX."""
    crops = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    # The TorchScript exporter folds batch norms into convolutions and needs no further packages.
    torch.onnx.export(
        network,
        (crops,),
        str(path),
        input_names=["crops"],
        output_names=list(outputs),
        dynamic_axes={name: {0: "batch"} for name in ("crops", *outputs)},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(str(path))
    _fold_constants(model.graph)
    onnx.save(model, str(path))


def _fold_constants(graph: onnx.GraphProto) -> None:
    """Replace nodes that do not depend on the crops by constants; PyTorch leaves some."""
    known = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    left = []
    for node in graph.node:
        if all(name in known for name in node.input if name):
            inputs = {name: known[name] for name in node.input if name}
            values = ReferenceEvaluator(node).run(None, inputs)
            known |= {
                name: np.asarray(v) for name, v in zip(node.output, values, strict=True) if name
            }
        else:
            left.append(node)
    used = {name for node in left for name in node.input}
    del graph.node[:], graph.initializer[:]
    graph.node.extend(left)
    graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in known.items() if name in used
    )
