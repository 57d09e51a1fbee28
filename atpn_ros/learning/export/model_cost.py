# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures the cost of an ONNX model: parameters, multiply-accumulates, and CPU time.

Milliseconds depend on the machine as much as on the model. So the time is also given as a ratio to
YuNet at 320x320, a public face detector, measured in alternating calls of the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.detectors.session import cpu_session
from atpn_ros.engines.base import ModelError, one_line
from atpn_ros.engines.onnx import session_options
from atpn_ros.learning.data.checks import DataError
from atpn_ros.types import Floats

_TYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}
_WARM_UP = 20
"""First calls, which are not counted."""


@dataclass(frozen=True, slots=True)
class CostLimits:
    """Largest cost of the default model: parameters, multiply-accumulates, time over YuNet's."""

    parameters: int = 1_000_000
    operations: int = 80_000_000
    ratio: float = 0.45


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Median, 10th and 90th percentile of a series of values."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> Percentiles:
        """Compute them from (N,) values."""
        low, median, high = np.percentile(values, (10, 50, 90))
        return cls(float(median), float(low), float(high))


@dataclass(frozen=True, slots=True)
class ModelCost:
    """Cost of one model.

    Attributes:
        parameters: Number of learned parameters in the file.
        operations: Multiply-accumulates for one crop, counted by onnx-tool.
        model_ms: Milliseconds of CPU time for one crop, one thread.
        yunet_ms: The same for one image in YuNet.
        ratio: Time of the model over that of YuNet, for each pair of calls.
    """

    parameters: int
    operations: int
    model_ms: Percentiles
    yunet_ms: Percentiles
    ratio: Percentiles


def measure_cost(model: Path, yunet: Path, calls: int = 200) -> ModelCost:
    """Measure the cost of a model with one input.

    Args:
        model: ONNX file.
        yunet: ``yunet_n_320.onnx``.
        calls: Number of timed calls of each.


    Raises:
        ModelError: A file cannot be loaded or run, or its operations cannot be counted.
        DataError: The input of ``yunet`` is not 1x3x320x320.
    """
    own, crop = _session(model, _network_session)
    other, picture = _session(yunet, cpu_session)
    if next(iter(picture.values())).shape != (1, 3, 320, 320):
        raise DataError(f"{yunet}: expected yunet_n_320.onnx with an input of 1x3x320x320")
    ours, its = _alternating_ms(
        lambda: own.run(None, crop), lambda: other.run(None, picture), calls
    )
    parameters, operations = count_operations(model, crop)
    return ModelCost(
        parameters,
        operations,
        Percentiles.of(ours),
        Percentiles.of(its),
        Percentiles.of(ours / its),
    )


def count_operations(model: Path, inputs: dict[str, np.ndarray]) -> tuple[int, int]:
    """Count parameters and multiply-accumulates of an ONNX file for the inputs of one image.

    Raises:
        ModelError: onnx-tool cannot read the file.
    """
    import onnx_tool

    try:
        graph = onnx_tool.Model(str(model), {"verbose": False}).graph
        for node in graph.nodemap.values():
            if node.op_type == "GatherND" and node.attr.get("batch_dims") == 1:
                node.shape_infer = _infer_batched_rows
        graph.shape_infer(inputs)
        graph.profile()
    except (Exception, SystemExit) as error:  # onnx-tool ends the program for what it cannot read
        raise ModelError(f"{model}: operations cannot be counted: {one_line(error)}") from error
    return int(graph.params), int(graph.macs[0])


def _infer_batched_rows(inputs: list[Any], outputs: list[Any]) -> None:
    """Set the shape of a GatherND with ``batch_dims`` of 1, which onnx-tool ignores."""
    values, index = (tensor.get_shape() for tensor in inputs)
    outputs[0].update_shape([*index[:-1], *values[2:]])
    outputs[0].update_dtype(inputs[0].dtype)


def _network_session(path: Path) -> Any:
    """A session of one thread, as the node opens it for a face network."""
    import onnxruntime as ort

    return ort.InferenceSession(
        str(path), session_options(ort, 1), providers=["CPUExecutionProvider"]
    )


def _session(path: Path, open_session: Callable[[Path], Any]) -> tuple[Any, dict[str, np.ndarray]]:
    """A session, and an input of random noise for one image."""
    try:
        session = open_session(path)
        source = session.get_inputs()[0]
        shape = [v if isinstance(v, int) else 1 for v in source.shape]
        noise = np.random.default_rng(0).integers(0, 256, shape)
        fed = {source.name: noise.astype(_TYPES[source.type])}
        session.run(None, fed)
    except Exception as error:  # ONNX Runtime's own types are not importable by name
        raise ModelError(f"{path}: cannot be loaded and run: {one_line(error)}") from error
    return session, fed


def _alternating_ms(
    a: Callable[[], Any], b: Callable[[], Any], calls: int
) -> tuple[Floats, Floats]:
    """(calls,) milliseconds of each of two functions, called alternately.

    CPU time of this thread, the only one that works: other programs on a busy machine do not
    count, except for their use of the caches.
    """
    times = np.empty((2, calls + _WARM_UP))
    for i in range(calls + _WARM_UP):
        for row, work in enumerate((a, b)):
            began = time.thread_time_ns()
            work()
            times[row, i] = (time.thread_time_ns() - began) / 1e6
    return times[0, _WARM_UP:], times[1, _WARM_UP:]
