# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a model costs: parameters, multiply-accumulates, and time beside a known detector.

Milliseconds say as much of the machine as of the model. So the time is given as a ratio to YuNet at
320x320, which anybody can get, in the same run, call by call in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.engines.base import ModelError, one_line
from atpn_ros.learning.data.datasets.record import DataError
from atpn_ros.types import Floats

_TYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32, "tensor(float16)": np.float16}
_WARM = 20
"""Calls that are not counted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a shipped model may cost: parameters, multiply-accumulates, time over YuNet's."""

    parameters: int = 1_000_000
    operations: int = 80_000_000
    ratio: float = 0.45


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of many calls, and the values that a tenth lie below and above."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Floats) -> Spread:
        """Of (N,) values."""
        low, median, high = np.percentile(values, (10, 50, 90))
        return cls(float(median), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one model.

    Attributes:
        parameters: Numbers that were learned, as they stand in the file.
        operations: Multiply-accumulates for one crop, counted by onnx-tool.
        model_ms: Milliseconds of CPU time for one crop, one thread.
        yunet_ms: The same for one picture in YuNet.
        ratio: The first over the second, of each pair of calls.
    """

    parameters: int
    operations: int
    model_ms: Spread
    yunet_ms: Spread
    ratio: Spread


def measure_costs(model: Path, yunet: Path, calls: int = 200) -> Costs:
    """Count and time a model of one input.

    Raises:
        ModelError: It cannot be loaded, run or counted.
        DataError: YuNet's file has another input than 320x320.
    """
    own, crop = _session(model)
    other, picture = _session(yunet)
    if next(iter(picture.values())).shape != (1, 3, 320, 320):
        raise DataError(f"{yunet}: expected yunet_n_320.onnx with an input of 1x3x320x320")
    ours, its = _in_turn(lambda: own.run(None, crop), lambda: other.run(None, picture), calls)
    parameters, operations = count(model, crop)
    return Costs(parameters, operations, Spread.of(ours), Spread.of(its), Spread.of(ours / its))


def count(model: Path, inputs: dict[str, np.ndarray]) -> tuple[int, int]:
    """Parameters and multiply-accumulates of an ONNX file for the inputs of one picture.

    Raises:
        ModelError: It cannot be counted.
    """
    import onnx_tool

    try:
        graph = onnx_tool.Model(str(model), {"verbose": False}).graph
        graph.shape_infer(inputs)
        graph.profile()
    except (Exception, SystemExit) as error:  # onnx-tool ends the program for what it cannot read
        raise ModelError(f"{model}: cannot be counted: {one_line(error)}") from error
    return int(graph.params), int(graph.macs[0])


def _session(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    """A model on one thread, and an input of noise for one picture."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        source = session.get_inputs()[0]
        shape = [v if isinstance(v, int) else 1 for v in source.shape]
        noise = np.random.default_rng(0).integers(0, 256, shape)
        fed = {source.name: noise.astype(_TYPES[source.type])}
        session.run(None, fed)
    except Exception as error:  # ONNX Runtime's own types are not importable by name
        raise ModelError(f"{path}: cannot be loaded and run: {one_line(error)}") from error
    return session, fed


def _in_turn(a: Callable[[], Any], b: Callable[[], Any], calls: int) -> tuple[Floats, Floats]:
    """(calls,) milliseconds of each.

    CPU time of this thread, which is the only one that works: so other programs on a busy machine
    do not count, but for the caches they take.
    """
    times = np.empty((2, calls + _WARM))
    for i in range(calls + _WARM):
        for row, work in enumerate((a, b)):
            began = time.thread_time_ns()
            work()
            times[row, i] = (time.thread_time_ns() - began) / 1e6
    return times[0, _WARM:], times[1, _WARM:]
