# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime behind the :class:`Engine` protocol: what it grants is compared with the wish."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines.base import BackendError, ModelError, NetworkOutput
from atpn_ros.types import Image

# Outputs and the shape of one crop's answer.
_REQUIRED: dict[str, tuple[int, ...]] = {"landmarks": (98, 2), "rotation": (3, 3), "presence": ()}
_OPTIONAL: dict[str, tuple[int, ...]] = {"sigma": (98,), "gaze": (2, 3)}


class OnnxEngine:
    """A model on one provider of ONNX Runtime.

    Args:
        model: The ``.onnx`` file.
        name: The rung, for reports.
        provider: ONNX Runtime's name of the provider to run on.
        threads: Threads within one operator; 0 lets ONNX Runtime choose.

    Raises:
        ModelError: The file is missing or not an ATPN model.
        BackendError: ONNX Runtime is not installed or does not grant the provider.
    """

    def __init__(self, model: Path, name: str, provider: str, threads: int = 1) -> None:
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise BackendError("ONNX Runtime is not installed: pip install onnxruntime") from error
        if provider not in ort.get_available_providers():
            have = ", ".join(ort.get_available_providers())
            raise BackendError(f"this ONNX Runtime has no {provider} (it has {have})")
        if not model.is_file():
            raise ModelError(f"{model}: no such file")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Waiting threads would otherwise burn the cores that the robot needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        asked = (
            [provider] if provider == "CPUExecutionProvider" else [provider, "CPUExecutionProvider"]
        )
        try:
            self._session = ort.InferenceSession(str(model), options, providers=asked)
        except Exception as error:  # ONNX Runtime's own types are not importable by name
            raise ModelError(f"{model}: not a model that can be loaded: {_line(error)}") from error
        got = self._session.get_providers()
        if got[0] != provider:
            raise BackendError(f"asked ONNX Runtime for {provider}, got {got[0]}")
        self.name = name
        self.report = f"{name}: ONNX Runtime {ort.__version__}, asked {asked}, got {got}"
        self._outputs = [o.name for o in self._session.get_outputs()]
        self._check(model)

    def _check(self, model: Path) -> None:
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(uint8)":
            raise ModelError(f"{model}: expected one uint8 input of crops")
        if list(inputs[0].shape[1:]) != [CROP_SIZE, CROP_SIZE, 3]:
            raise ModelError(f"{model}: input is {inputs[0].shape}, not (N, 128, 128, 3)")
        self._input = inputs[0].name
        for name in _REQUIRED:
            if name not in self._outputs:
                raise ModelError(f"{model}: has no output {name!r}")
        # The file may leave its outputs' sizes open: only an answer shows them.
        try:
            values = self._session.run(
                self._outputs, {self._input: np.zeros((2, CROP_SIZE, CROP_SIZE, 3), np.uint8)}
            )
        except Exception as error:
            text = f"{model}: cannot run a batch of 2 crops: {_line(error)}"
            if self._session.get_providers()[0] == "CPUExecutionProvider":
                raise ModelError(text) from error
            raise BackendError(text) from error  # the rungs below will tell whose fault it is
        got = {k: np.shape(v) for k, v in zip(self._outputs, values, strict=True)}
        for name, shape in (_REQUIRED | _OPTIONAL).items():
            if name in got and got[name] != (2, *shape):
                raise ModelError(f"{model}: output {name!r} is {got[name]}, not {(2, *shape)}")

    def run(self, crops: Image) -> NetworkOutput:
        """See :meth:`atpn_ros.engines.base.Engine.run`."""
        try:
            values = self._session.run(self._outputs, {self._input: crops})
        except Exception as error:
            raise BackendError(f"{self.name}: {_line(error)}") from error
        named = {k: np.asarray(v, np.float64) for k, v in zip(self._outputs, values, strict=True)}
        return NetworkOutput(
            named["landmarks"],
            named["rotation"],
            named["presence"],
            named.get("sigma"),
            named.get("gaze"),
        )


def _line(error: Exception) -> str:
    """An error of ONNX Runtime, which may be long, as one line."""
    return " ".join(str(error).split())[:300]
