# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Functions that are exported as other operators than those that PyTorch runs in training.

Most are one operator where PyTorch's exporter would write several: on a CPU, a small operator costs
as much as a large one. All operators exist in TensorRT 8.5.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def gather_rows(values: Tensor, index: Tensor) -> Tensor:
    """(N, ..., C) rows of (N, R, C) values by their indices.

    PyTorch would export this with arithmetic on shapes, which TensorRT 8.5 does not always build,
    or with indices that are as large as the result. GatherND counts the rows of each crop.

    Args:
        values: R rows of each of N crops.
        index: (N, ..., 1) whole numbers below R, float32.
    """
    return _run(_gather_rows, "GatherND", {"batch_dims_i": 1}, values, index.long())


def normalize(vectors: Tensor) -> Tensor:
    """(..., C) vectors, divided by their lengths."""
    return _run(_normalize, "LpNormalization", {"axis_i": -1, "p_i": 2}, vectors)


def interpolation_weights(distances: Tensor) -> Tensor:
    """Weights of linear interpolation: 1 at a distance of 0, 0 from a distance of 1 on."""
    attributes = {"alpha_f": -1.0, "beta_f": 1.0}
    return _run(_interpolation_weights, "HardSigmoid", attributes, distances.abs())


def matmul_per_landmark(rows: Tensor, matrices: Tensor) -> Tensor:
    """(N, L, 1, C) products of (N, L, 1, K) rows with (L, K, C) matrices.

    One batched product is four times as fast for many crops, but needs transpositions, which take
    longer for one.
    """
    if torch.onnx.is_in_onnx_export():
        return rows @ matrices
    return torch.bmm(rows[:, :, 0].transpose(0, 1), matrices).transpose(0, 1)[:, :, None]


def _gather_rows(values: Tensor, index: Tensor) -> Tensor:
    channels = values.shape[2]
    flat = index.reshape(index.shape[0], -1, 1).expand(-1, -1, channels)
    return values.gather(1, flat).reshape(*index.shape[:-1], channels)


def _normalize(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)


def _interpolation_weights(distances: Tensor) -> Tensor:
    return (1.0 - distances).clamp(0.0, 1.0)


def _run(
    function: Callable[..., Tensor], operator: str, attributes: dict[str, Any], *inputs: Tensor
) -> Tensor:
    """Compute a function; in an export, write one operator for it."""
    if not torch.onnx.is_in_onnx_export():
        return function(*inputs)
    out: Tensor = _Exported.apply(function, operator, attributes, *inputs)
    return out


class _Exported(torch.autograd.Function):
    @staticmethod
    def forward(
        _: Any, function: Callable[..., Tensor], __: str, ___: dict[str, Any], *inputs: Tensor
    ) -> Tensor:
        return function(*inputs)

    @staticmethod
    def symbolic(g: Any, _: Any, operator: str, attributes: dict[str, Any], *inputs: Any) -> Any:
        return g.op(operator, *inputs, **attributes)
