# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime behind the :class:`Engine` protocol: what it grants is compared with the wish."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines.base import BackendError, ModelError, NetworkOutput
from atpn_ros.types import Image

_REQUIRED = {"landmarks": ("N", 98, 2), "rotation": ("N", 3, 3), "presence": ("N",)}
_OPTIONAL = {"sigma": ("N", 98), "gaze": ("N", 2, 3)}


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
            raise ModelError(f"{model}: not a model that can be loaded: {error}") from error
        got = self._session.get_providers()
        if got[0] != provider:
            raise BackendError(f"asked ONNX Runtime for {provider}, got {got[0]}")
        self.name = name
        self.report = f"{name}: ONNX Runtime {ort.__version__}, asked {asked}, got {got}"
        self._check(model)
        self._outputs = [o.name for o in self._session.get_outputs()]

    def _check(self, model: Path) -> None:
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(uint8)":
            raise ModelError(f"{model}: expected one uint8 input of crops")
        if list(inputs[0].shape[1:]) != [CROP_SIZE, CROP_SIZE, 3]:
            raise ModelError(f"{model}: input is {inputs[0].shape}, not (N, 128, 128, 3)")
        self._input = inputs[0].name
        shapes = {o.name: list(o.shape) for o in self._session.get_outputs()}
        for name, shape in _REQUIRED.items():
            if name not in shapes:
                raise ModelError(f"{model}: has no output {name!r}")
            if len(shapes[name]) != len(shape):
                raise ModelError(f"{model}: output {name!r} is {shapes[name]}, not {shape}")
        for name, shape in _OPTIONAL.items():
            if name in shapes and len(shapes[name]) != len(shape):
                raise ModelError(f"{model}: output {name!r} is {shapes[name]}, not {shape}")

    def run(self, crops: Image) -> NetworkOutput:
        """See :meth:`atpn_ros.engines.base.Engine.run`."""
        try:
            values = self._session.run(self._outputs, {self._input: crops})
        except Exception as error:
            raise BackendError(f"{self.name}: {error}") from error
        named = {k: np.asarray(v, np.float64) for k, v in zip(self._outputs, values, strict=True)}
        return NetworkOutput(
            named["landmarks"],
            named["rotation"],
            named["presence"],
            named.get("sigma"),
            named.get("gaze"),
        )
