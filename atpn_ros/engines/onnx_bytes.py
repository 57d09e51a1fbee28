# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The few facts of an ONNX file that TensorRT needs to know before it parses it.

TensorRT takes uint8 inputs only where a cast reads them first; a transpose before the cast, which
ONNX allows, ends its parser. For such a model the input can be declared float32 instead: the cast
then does nothing and the numbers are the same.

The file is walked as protobuf (field numbers of onnx.proto), since the ``onnx`` package is no
dependency at run time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atpn_ros.engines.base import ModelError

_FLOAT, _UINT8, _FLOAT16, _BFLOAT16 = 1, 2, 10, 16
_QUANTIZED = {b"QuantizeLinear", b"DequantizeLinear"}


@dataclass(frozen=True, slots=True)
class OnnxFacts:
    """What a model is like.

    Attributes:
        uint8_at: Where in the file the type of the uint8 input is written; -1 if there is none.
        cast_first: Whether only casts read the input.
        quantized: Whether it has Q/DQ nodes.
        half: Whether it has weights in 16 bit floating point.
    """

    uint8_at: int
    cast_first: bool
    quantized: bool
    half: bool


def facts(model: bytes) -> OnnxFacts:
    """Read the facts.

    Raises:
        ModelError: This is no ONNX file.
    """
    data = memoryview(model)
    try:
        return _facts(data)
    except (IndexError, ValueError) as error:
        raise ModelError("not an ONNX file") from error


def with_float_input(model: bytes) -> bytes:
    """The same model, its uint8 input declared float32; as it was if it has none."""
    at = facts(model).uint8_at
    return model if at < 0 else model[:at] + bytes([_FLOAT]) + model[at + 1 :]


def _facts(data: memoryview) -> OnnxFacts:
    inputs: list[tuple[bytes, int, int]] = []  # name, type, where the type stands
    readers: list[tuple[bytes, list[bytes]]] = []  # operator, what it reads
    half = False
    graphs = [(s, e) for number, s, e in _fields(data, 0, len(data)) if number == 7]
    if len(graphs) != 1:
        raise ValueError("no graph")
    for number, start, end in _fields(data, *graphs[0]):
        if number == 11:
            inputs.append(_value_info(data, start, end))
        elif number == 1:
            parts = list(_fields(data, start, end))
            kind = [bytes(data[s:e]) for n, s, e in parts if n == 4]
            readers.append((kind[0], [bytes(data[s:e]) for n, s, e in parts if n == 1]))
        elif number == 5:
            types = [_varint(data, s)[0] for n, s, _ in _fields(data, start, end) if n == 2]
            half = half or any(t in (_FLOAT16, _BFLOAT16) for t in types)
    uint8 = [(name, at) for name, kind, at in inputs if kind == _UINT8]
    name, at = uint8[0] if uint8 else (b"", -1)
    first = {operator for operator, reads in readers if name in reads}
    return OnnxFacts(at, first <= {b"Cast"}, any(o in _QUANTIZED for o, _ in readers), half)


def _value_info(data: memoryview, start: int, end: int) -> tuple[bytes, int, int]:
    """Name and element type of an input: ValueInfoProto -> TypeProto -> Tensor."""
    name, kind, at = b"", 0, -1
    for number, s, e in _fields(data, start, end):
        if number == 1:
            name = bytes(data[s:e])
        elif number == 2:
            for n, ts, te in _fields(data, s, e):
                if n == 1:
                    for m, vs, _ in _fields(data, ts, te):
                        if m == 1:
                            kind, at = _varint(data, vs)[0], vs
    return name, kind, at


def _fields(data: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field's value."""
    while start < end:
        tag, start = _varint(data, start)
        wire = tag & 7
        if wire == 0:
            stop = _varint(data, start)[1]
        elif wire == 2:
            length, start = _varint(data, start)
            stop = start + length
        elif wire in (1, 5):
            stop = start + (8 if wire == 1 else 4)
        else:
            raise ValueError(f"wire type {wire}")
        if stop > end:
            raise ValueError("a field ends outside")
        yield tag >> 3, start, stop
        start = stop


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")
