# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Converts an ONNX model to half precision (FP16) or to 8 bit integers (INT8).

Only the convolutions are converted, which are nearly all of the operations; for INT8, without the
first one. The heads that compute landmarks and directions stay in 32 bit, where half a pixel is
easily lost; their large matrices are stored in 16 bit.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from atpn_ros.engines.base import ModelError, one_line
from atpn_ros.types import Image

_TRANSPARENT = {"Relu", "Add", "Concat", "AveragePool", "MaxPool", "Resize"}
"""Operators that run in half precision if all of their inputs are in half precision."""
_INTEGER = ["Conv", "Add"]
"""Operators that are quantized."""
_LARGE = 10_000
"""Smallest number of elements of a matrix that is stored in 16 bit."""


def convert_to_fp16(source: Path, target: Path) -> None:
    """Write a copy whose convolutions are in FP16; the model's inputs and outputs are unchanged.

    Args:
        source: The exported model.
        target: File to write.

    Raises:
        ModelError: The source cannot be read.
    """
    model = _load(source)
    graph = model.graph
    chosen = _convertible(model)
    made = {name for node in chosen for name in node.output}
    weights = {w for node in chosen if node.op_type == "Conv" for w in node.input[1:]}
    for tensor in graph.initializer:
        if tensor.name in weights:
            values = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    nodes: list[onnx.NodeProto] = []
    cast: set[str] = set()

    def as_type(name: str, kind: int, suffix: str) -> str:
        """Name of the value in another type; adds a cast before its first use."""
        new = f"{name}{suffix}"
        if new not in cast:
            cast.add(new)
            nodes.append(helper.make_node("Cast", [name], [new], name=new, to=kind))
        return new

    for node in graph.node:
        inside = node in chosen
        for k, name in enumerate(node.input):
            # Activations only: weights are converted already, the scales of Resize stay.
            flows = bool(name) and name not in weights and (k == 0 or node.op_type != "Resize")
            if inside and flows and name not in made:
                node.input[k] = as_type(name, TensorProto.FLOAT16, "_half")
            elif not inside and name in made:
                node.input[k] = as_type(name, TensorProto.FLOAT, "_float")
        nodes.append(node)
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    _store_large(graph)
    onnx.save(model, str(target))


def _store_large(graph: onnx.GraphProto) -> None:
    """Store large matrices in 16 bit, followed by a cast, which engines fold when loading.

    The relative rounding error is at most 1/2048, far less than that of 8 bit.
    """
    used = {n.input[1] for n in graph.node if n.op_type in ("Gemm", "MatMul")}
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.name not in used or values.dtype != np.float32 or values.size < _LARGE:
            continue
        name = tensor.name
        stored = numpy_helper.from_array(values.astype(np.float16), f"{name}_stored")
        tensor.CopyFrom(stored)
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
    first = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *first])


def _convertible(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The convolutions, and the operators between them; not those that landmarks are read from."""
    kept = set(_landmark_convolutions(model)) | {o.name for o in model.graph.output}
    made: set[str] = set()
    out = []
    for node in model.graph.node:
        flowing = node.input[:1] if node.op_type == "Resize" else node.input
        follows = node.op_type in _TRANSPARENT and all(name in made for name in flowing)
        if (node.op_type == "Conv" or follows) and not kept & {node.name, *node.output}:
            out.append(node)
            made.update(node.output)
    return out


def convert_to_int8(source: Path, target: Path, crops: Image) -> None:
    """Write a copy whose convolutions run in INT8 (static, QDQ format, weights per channel).

    Args:
        source: The exported model.
        target: File to write.
        crops: (N, 128, 128, 3) uint8 calibration crops, which determine the value ranges.

    Raises:
        ModelError: The source cannot be read or converted.
    """
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    model = _load(source)
    name = model.graph.input[0].name
    # Not by type alone: the small sums in the heads would be rounded to zero. The first convolution
    # stays in 32 bit: processors with AVX2 but without VNNI add two products in 16 bit, which
    # saturates where the inputs use the whole range, as pixels do.
    first = next((node.name for node in model.graph.node if node.op_type == "Conv"), "")
    wanted = [
        node.name for node in _convertible(model) if node.op_type in _INTEGER and node.name != first
    ]
    logging.getLogger().setLevel(logging.ERROR)  # it advises to optimise first, without effect
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            quantize_static(
                str(source), str(target), _CalibrationReader(name, crops),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=_INTEGER, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                nodes_to_quantize=wanted, calibrate_method=CalibrationMethod.MinMax,
            )  # fmt: skip
    except Exception as error:
        raise ModelError(f"{source}: cannot be quantized: {one_line(error)}") from error
    model = onnx.load(str(target))
    _store_large(model.graph)
    onnx.save(model, str(target))


class _CalibrationReader:
    """Calibration data reader of ONNX Runtime: one crop at a time."""

    def __init__(self, name: str, crops: Image) -> None:
        self._crops: Iterator[dict[str, Any]] = (
            {name: crops[i : i + 1]} for i in range(len(crops))
        )

    def get_next(self) -> dict[str, Any] | None:
        return next(self._crops, None)


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
    except Exception as error:
        raise ModelError(f"{path}: not a readable ONNX model: {one_line(error)}") from error
    types = {tensor.data_type for tensor in model.graph.initializer}
    if TensorProto.FLOAT16 in types or TensorProto.INT8 in types:
        raise ModelError(f"{path}: is not in 32 bit already")
    return model


def _landmark_convolutions(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions whose maps the landmarks are computed from, by a softmax."""
    makers = {name: node for node in model.graph.node for name in node.output}
    waiting = [n for node in model.graph.node if node.op_type == "Softmax" for n in node.input]
    found, seen = [], set()
    while waiting:
        node = makers.get(name := waiting.pop())
        if node is None or name in seen:
            continue
        seen.add(name)
        if node.op_type == "Conv":
            found.append(node.name)
        else:
            waiting += node.input
    return found
