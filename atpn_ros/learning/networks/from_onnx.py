# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the weights of an ATPN network back from its ONNX file, to train it further.

An exported file has the batch normalization folded into the convolutions, and some linear layers
joined. What is read computes the same outputs: the normalizations are identities with a bias until
:func:`restore_normalization` gives them the statistics of real crops again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.networks import gaze_head
from atpn_ros.learning.networks.atpn import Atpn, AtpnSettings
from atpn_ros.learning.networks.landmark_refinement import SHIFT, LandmarkRefinement

_POINTS = 2 * landmark_layouts.WFLW98
_OWN_PRESENCE = "network.presence_maps.first.weight"
_REFINEMENT = "network.refinement.{}.project.weight"
"""Names of weights that a file has where its network has the part."""
_REFINEMENTS: tuple[Literal["none", "small", "large"], ...] = ("none", "small", "large")
"""Refinements by their number of steps."""


def load_onnx(path: Path, settings: AtpnSettings | None = None) -> Atpn:
    """The network of an exported ONNX file, in evaluation mode.

    A presence head or a refinement that only the settings have begins without effect.

    Args:
        path: Written by :func:`atpn_ros.learning.export.onnx_export.export`, not quantized.
        settings: Of the network; the default has the shipped model's width, and a gaze head, a
            presence head and a refinement if the file has them.

    Raises:
        DataError: The file cannot be read, or holds another network.
    """
    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf's own types are not importable by name
        raise DataError(f"{path}: not an ONNX file: {str(error).splitlines()[0]}") from error
    if settings is None:
        names = {t.name for t in graph.initializer}
        steps = sum(_REFINEMENT.format(k) in names for k in range(2))
        settings = AtpnSettings(
            gaze=any(o.name == "gaze" for o in graph.output),
            own_presence=_OWN_PRESENCE in names,
            refinement=_REFINEMENTS[steps],
        )
    network = Atpn(settings)
    try:
        with torch.no_grad():
            _fill(network, graph)
    except (KeyError, ValueError, RuntimeError, IndexError) as error:
        raise DataError(f"{path}: not an exported network of these settings: {error}") from error
    return network.eval()


def _fill(network: Atpn, graph: onnx.GraphProto) -> None:
    known = {
        t.name: torch.from_numpy(np.array(numpy_helper.to_array(t))) for t in graph.initializer
    }
    steps = [s for k, s in enumerate(network.refinement) if _REFINEMENT.format(k) in known]
    parts = [network.stem, network.shallow, network.middle, network.deep, network.lateral,
             network.fuse, network.maps, *(s.project for s in steps), network.drawn,
             network.heads]  # fmt: skip
    has_head = _OWN_PRESENCE in known
    maps = network.presence_maps
    if maps is not None and has_head:
        parts += [maps.join, maps.small]
    if network.gaze is not None:
        parts.append(network.gaze.features)
    _fill_convolutions([p for p in parts if p is not None], graph, known)
    products = [n for n in graph.node if n.op_type == "Gemm"]
    linear = {tuple(known[n.input[1]].shape): (known[n.input[1]], known[n.input[2]])
              for n in products if n.input[2] in known}  # fmt: skip
    # Products that are added to other values, in place of a bias.
    added = {tuple(known[n.input[1]].shape): known[n.input[1]]
             for n in products if n.input[2] not in known}  # fmt: skip

    width = network.settings.width
    weight, bias = linear[3 * landmark_layouts.WFLW98, 6 * width]
    _set(network.correction, weight[:_POINTS], bias[:_POINTS])
    _set(network.spread, weight[_POINTS:], bias[_POINTS:])
    cells = 64 * width
    if network.coordinates is None:
        _set(network.cells, *linear[6 * width, cells])
    else:
        weight, bias = linear[6 * width, cells + _POINTS]
        # See Atpn._first_layer: coordinates count from the centre, in quarters of the crop.
        _set(network.cells, weight[:, :cells], bias + weight[:, cells:].sum(1) * 0.5)
        _set(network.coordinates, weight[:, cells:] / 4.0, torch.zeros_like(bias))
    for k, step in enumerate(steps):
        _fill_refinement(step, [n for n in graph.node if f"/refinement.{k}/" in n.name], known)
    own = network.pose.in_features
    if steps and network.pose_refinement is not None:
        weight, bias = linear[network.pose.out_features, own + network.pose_refinement.in_features]
        _set(network.pose, weight[:, :own], bias)
        network.pose_refinement.weight.copy_(weight[:, own:])
    else:
        _set(network.pose, *linear[network.pose.out_features, own])
    _set(network.mix[1], known["network.mix.1.weight"], known["network.mix.1.bias"])
    _set(network.presence, *linear[1, own])
    if maps is not None and has_head:
        maps.last.weight.copy_(added[tuple(maps.last.weight.shape)])
        _set(maps.first, known[_OWN_PRESENCE], known[_OWN_PRESENCE.replace("weight", "bias")])
    if network.gaze is not None:
        _fill_gaze(network.gaze, linear, added, known)


def _fill_refinement(
    step: LandmarkRefinement, nodes: list[onnx.NodeProto], known: dict[str, Tensor]
) -> None:
    # The file's weights are multiplied by their factors, and most have no names of their own.
    values = {tuple(known[i].shape): known[i] for n in nodes for i in n.input if i in known}
    step.weight.copy_(values[tuple(step.weight.shape)])
    step.bias.copy_(values[tuple(step.bias.shape)])
    step.local.copy_(values[tuple(step.local.shape)] / SHIFT)
    weight = values[tuple(step.mix.weight.shape)]
    _set(step.mix, weight / step.inputs_scale, values[tuple(step.mix.bias.shape)])
    weight = values[tuple(step.out.weight.shape)]
    _set(step.out, weight / SHIFT, values[tuple(step.out.bias.shape)] / SHIFT)


def _fill_convolutions(
    parts: list[nn.Module], graph: onnx.GraphProto, known: dict[str, Tensor]
) -> None:
    """Give the convolutions, which the graph holds in the order of the modules, their weights."""
    layers = [m for part in parts for m in part.modules()
              if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]  # fmt: skip
    nodes = iter([n for n in graph.node if n.op_type == "Conv"])
    for i, layer in enumerate(layers):
        if not isinstance(layer, nn.Conv2d):
            continue
        node = next(nodes, None)
        if node is None:
            raise ValueError("has too few convolutions")
        weight, bias = (known[name] for name in node.input[1:3])
        if layer.weight.shape != weight.shape:
            raise ValueError(
                f"{node.name} is {tuple(weight.shape)}, not {tuple(layer.weight.shape)}"
            )
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.copy_(bias)
            continue
        norm = layers[i + 1]
        norm.weight.fill_(1.0)
        norm.bias.copy_(bias)
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)
    if next(nodes, None) is not None:
        raise ValueError("has more convolutions than the network")


def _fill_gaze(
    gaze: gaze_head.EyeGaze,
    linear: dict[tuple[int, ...], tuple[Tensor, Tensor]],
    added: dict[tuple[int, ...], Tensor],
    known: dict[str, Tensor],
) -> None:
    rank, hidden = gaze_head.RANK, gaze_head.HIDDEN
    _set(gaze.reduce, known["network.gaze.reduce.weight"], known["network.gaze.reduce.bias"])
    weight, bias = linear[2 * hidden, 2 * rank + len(gaze.eye_context)]
    gaze.sides.weight.copy_(torch.cat([weight[:hidden, :rank], weight[:hidden, rank : 2 * rank]]))
    # Each eye's context is a known sum of the inputs, so that its weight is the only solution.
    per_eye = torch.cat(gaze.eye_context.chunk(2, 1)).double()
    wanted = torch.cat(weight[:, 2 * rank :].T.chunk(2, 1)).double()
    gaze.context.weight.copy_(torch.linalg.lstsq(per_eye, wanted).solution.T)
    gaze.sides.bias.zero_()
    gaze.context.bias.zero_()
    gaze.context.bias.copy_((bias - gaze.first_layer()[1])[:hidden])
    _set(gaze.read[1], known["network.gaze.read.1.weight"], known["network.gaze.read.1.bias"])
    # The left eye's is as it is, the right one's is mirrored.
    weight, bias = added[8, 2 * hidden], linear[8, 9][1]
    _set(gaze.read[3], weight[3:6, hidden:], bias[3:6])
    _set(gaze.spread, weight[7:, hidden:], bias[7:])


def _set(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    for name, value in (("weight", weight), ("bias", bias)):
        target = getattr(layer, name)
        if target.shape != value.shape:
            raise ValueError(f"a layer is {tuple(value.shape)}, not {tuple(target.shape)}")
        target.copy_(value)


@torch.no_grad()
def restore_normalization(network: nn.Module, crops: Tensor) -> None:
    """Give batch normalizations that are identities the statistics of crops.

    The outputs in evaluation mode stay the same; afterwards the network can be trained like one
    whose normalization was never folded.

    Args:
        network: Of :func:`load_onnx`.
        crops: (N, 128, 128, 3) uint8 BGR, a few hundred.
    """
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d)):
        seen: list[Tensor] = []
        hook = norm.register_forward_hook(lambda _, inputs, __, seen=seen: seen.append(inputs[0]))
        network(crops)
        hook.remove()
        variance, mean = torch.var_mean(seen[0], (0, 2, 3))
        variance = variance.clamp(min=1e-3)
        norm.bias += norm.weight * (mean - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
        norm.weight *= ((variance + norm.eps) / (norm.running_var + norm.eps)).sqrt()
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
