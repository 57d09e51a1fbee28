# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the input and output shapes, types and quantization of an ONNX model for TensorRT builds.

TensorRT takes uint8 inputs only where a cast reads them first. A transpose before the cast, which
ONNX allows, is an error of its parser. The input of such a model can be declared float32 instead:
the cast then has no effect and the values are the same.

Needs the ``onnx`` package (extra ``gpu``), which is imported when a function is called.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from atpn_ros.engines.base import BackendError, ModelError

_QUANTIZATION = {"QuantizeLinear", "DequantizeLinear"}


@dataclass(frozen=True, slots=True)
class ModelProperties:
    """Properties of an ONNX model.

    Attributes:
        uint8_input: Name of the first uint8 input, empty if there is none.
        cast_first: Whether all nodes that read that input are casts.
        quantized: Whether the model has quantize or dequantize nodes.
        half: Whether it has weights in 16 bit floating point.
    """

    uint8_input: str
    cast_first: bool
    quantized: bool
    half: bool


def inspect_model(model: bytes) -> ModelProperties:
    """Read the properties of a serialized ONNX model.

    Raises:
        ModelError: The bytes are not an ONNX model.
        BackendError: The ``onnx`` package is not installed.
    """
    onnx = _onnx()
    graph = _parsed(onnx, model).graph
    uint8 = _uint8_inputs(onnx, graph)
    name = uint8[0].name if uint8 else ""
    readers = {node.op_type for node in graph.node if name in node.input} if name else set()
    half = {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    return ModelProperties(
        uint8_input=name,
        cast_first=readers <= {"Cast"},
        quantized=any(node.op_type in _QUANTIZATION for node in graph.node),
        half=any(weights.data_type in half for weights in graph.initializer),
    )


def with_float_input(model: bytes) -> bytes:
    """The same model with its uint8 input declared float32; unchanged if it has none.

    Raises:
        ModelError: The bytes are not an ONNX model.
        BackendError: The ``onnx`` package is not installed.
    """
    onnx = _onnx()
    parsed = _parsed(onnx, model)
    uint8 = _uint8_inputs(onnx, parsed.graph)
    if not uint8:
        return model
    uint8[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return bytes(parsed.SerializeToString())


def _onnx() -> Any:
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise BackendError(
            "the onnx package is not installed, which building needs: pip install onnx"
        ) from error


def _parsed(onnx: Any, model: bytes) -> Any:
    try:
        parsed = onnx.load_model_from_string(model)
    except Exception as error:  # protobuf's DecodeError, whose module depends on its version
        raise ModelError("not an ONNX file") from error
    if not parsed.HasField("graph"):
        raise ModelError("not an ONNX file")
    return parsed


def _uint8_inputs(onnx: Any, graph: Any) -> list[Any]:
    uint8 = onnx.TensorProto.UINT8
    return [i for i in graph.input if i.type.tensor_type.elem_type == uint8]
