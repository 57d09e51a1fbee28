# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Functions whose exported form is another than what PyTorch computes in a training.

Most are one operator where PyTorch's exporter would write several: on a CPU, a small operator costs
as much as a large one. All operators exist in TensorRT 8.5.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def rows_at(values: Tensor, index: Tensor) -> Tensor:
    """(N, ..., C) rows of (N, R, C) values by their indices.

    PyTorch would export this with arithmetic on shapes, which TensorRT 8.5 does not always build,
    or with indices that are as large as the result.

    Args:
        values: R rows of each of N crops.
        index: (N, ..., 1) whole numbers below R, float32.
    """
    if torch.onnx.is_in_onnx_export():
        out: Tensor = _RowsAt.apply(values, index.long())
        return out
    return _rows_at(values, index.long())


def products(rows: Tensor, matrices: Tensor) -> Tensor:
    """(N, L, 1, C) products of (N, L, 1, K) rows with (L, K, C) matrices.

    One batched product is four times as fast for many crops, but needs transpositions, which take
    longer for one.
    """
    if torch.onnx.is_in_onnx_export():
        return rows @ matrices
    return torch.bmm(rows[:, :, 0].transpose(0, 1), matrices).transpose(0, 1)[:, :, None]


def unit(vectors: Tensor) -> Tensor:
    """(..., C) vectors, divided by their lengths."""
    if torch.onnx.is_in_onnx_export():
        out: Tensor = _Unit.apply(vectors)
        return out
    return _unit(vectors)


def tent(distances: Tensor) -> Tensor:
    """1 at a distance of 0, 0 from a distance of 1 on: the weights of linear interpolation."""
    if torch.onnx.is_in_onnx_export():
        out: Tensor = _Tent.apply(distances.abs())
        return out
    return _tent(distances.abs())


def _rows_at(values: Tensor, index: Tensor) -> Tensor:
    channels = values.shape[2]
    flat = index.reshape(index.shape[0], -1, 1).expand(-1, -1, channels)
    return values.gather(1, flat).reshape(*index.shape[:-1], channels)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)


def _tent(distances: Tensor) -> Tensor:
    return (1.0 - distances).clamp(0.0, 1.0)


class _RowsAt(torch.autograd.Function):
    """GatherND, whose indices count the rows of each crop."""

    @staticmethod
    def forward(_: Any, values: Tensor, index: Tensor) -> Tensor:
        return _rows_at(values, index)

    @staticmethod
    def symbolic(g: Any, values: Any, index: Any) -> Any:
        return g.op("GatherND", values, index, batch_dims_i=1)


class _Unit(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, vectors: Tensor) -> Tensor:
        return _unit(vectors)

    @staticmethod
    def symbolic(g: Any, vectors: Any) -> Any:
        return g.op("LpNormalization", vectors, axis_i=-1, p_i=2)


class _Tent(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, distances: Tensor) -> Tensor:
        return _tent(distances)

    @staticmethod
    def symbolic(g: Any, distances: Any) -> Any:
        return g.op("HardSigmoid", distances, alpha_f=-1.0, beta_f=1.0)
