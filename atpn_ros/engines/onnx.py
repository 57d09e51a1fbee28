# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime engine that verifies that the requested execution provider is active."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines.base import (
    NAMES,
    OPTIONAL,
    REQUIRED,
    BackendError,
    ModelError,
    NetworkOutput,
    one_line,
)
from atpn_ros.types import Image

_CPU = "CPUExecutionProvider"


class OnnxEngine:
    """Runs a model with one execution provider of ONNX Runtime.

    Args:
        model: The ``.onnx`` file.
        name: Name of the backend, for reports.
        provider: Name of the execution provider, e.g. ``CUDAExecutionProvider``.
        threads: Threads within one operator; 0: ONNX Runtime's default.
        secondary: Providers for operators that it does not support, best first; the CPU provider
            is always the last.
        options: Options of the provider.

    Raises:
        ModelError: The file is missing or not an ATPN model.
        BackendError: ONNX Runtime is not installed, or the provider is not active.
    """

    def __init__(
        self,
        model: Path,
        name: str,
        provider: str,
        threads: int = 1,
        secondary: tuple[str, ...] = (),
        options: Mapping[str, str] | None = None,
    ) -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise BackendError("ONNX Runtime is not installed: pip install onnxruntime") from error
        available = ort.get_available_providers()
        if provider not in available:
            raise BackendError(
                f"this ONNX Runtime has no {provider} (it has {', '.join(available)})"
            )
        if not model.is_file():
            raise ModelError(f"{model}: no such file")
        requested: list[Any] = [(provider, dict(options))] if options else [provider]
        requested += [p for p in secondary if p in available]
        requested += [] if provider == _CPU else [_CPU]
        try:
            self._session: Any = ort.InferenceSession(
                str(model), session_options(ort, threads), providers=requested
            )
        except Exception as error:  # ONNX Runtime's own types are not importable by name
            text = f"{model}: not a model that can be loaded: {one_line(error)}"
            if provider == _CPU:
                raise ModelError(text) from error
            # The CPU backend decides whether the model is at fault.
            raise BackendError(text) from error
        # Otherwise a failure while running would silently move the session to the CPU.
        self._session.disable_fallback()
        got = self._session.get_providers()
        if got[0] != provider:
            raise BackendError(f"requested {provider} of ONNX Runtime, got {got[0]}")
        self.name = name
        names = [p if isinstance(p, str) else p[0] for p in requested]
        count = f"{threads} thread{'' if threads == 1 else 's'}" if threads else "default threads"
        cpu = f", {count}" if got == [_CPU] else ""
        self.report = (
            f"{name}: ONNX Runtime {ort.__version__}, requested {names}, active {got}{cpu}"
        )
        # Only these are requested, so that no other outputs are computed.
        have = [o.name for o in self._session.get_outputs()]
        self._outputs = [n for n in have if n in NAMES]
        self._check(model)

    def _check(self, model: Path) -> None:
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(uint8)":
            raise ModelError(f"{model}: expected one uint8 input of crops")
        if list(inputs[0].shape[1:]) != [CROP_SIZE, CROP_SIZE, 3]:
            raise ModelError(f"{model}: input is {inputs[0].shape}, not (N, 128, 128, 3)")
        self._input = inputs[0].name
        for name in REQUIRED:
            if name not in self._outputs:
                raise ModelError(f"{model}: has no output {name!r}")
        # The file may leave the sizes of its outputs open, so they are checked on a result.
        try:
            values = self._session.run(
                self._outputs, {self._input: np.zeros((2, CROP_SIZE, CROP_SIZE, 3), np.uint8)}
            )
        except Exception as error:
            text = f"{model}: cannot run a batch of 2 crops: {one_line(error)}"
            if self._session.get_providers()[0] == _CPU:
                raise ModelError(text) from error
            # The CPU backend decides whether the model is at fault.
            raise BackendError(text) from error
        got = {k: np.shape(v) for k, v in zip(self._outputs, values, strict=True)}
        for name, shape in (REQUIRED | OPTIONAL).items():
            if name in got and got[name] != (2, *shape):
                raise ModelError(f"{model}: output {name!r} is {got[name]}, not {(2, *shape)}")

    def run(self, crops: Image) -> NetworkOutput:
        """See :meth:`atpn_ros.engines.base.Engine.run`."""
        if self._session is None:
            raise BackendError(f"{self.name}: closed")
        try:
            values = self._session.run(self._outputs, {self._input: crops})
        except Exception as error:
            raise BackendError(f"{self.name}: {one_line(error)}") from error
        return NetworkOutput.of(dict(zip(self._outputs, values, strict=True)))

    def close(self) -> None:
        """See :meth:`atpn_ros.engines.base.Engine.close`."""
        self._session = None


def session_options(ort: Any, threads: int) -> Any:
    """ONNX Runtime's options of a session for the face network.

    Args:
        ort: The module ``onnxruntime``.
        threads: Number of threads.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that wait by spinning would use the cores that the robot needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
