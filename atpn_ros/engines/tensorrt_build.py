# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builds a TensorRT engine from an ONNX file, for versions 8.5 to 11."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines.base import BackendError, one_line
from atpn_ros.engines.model_inspection import inspect_model, with_float_input

OLDEST, NEWEST = (8, 5), (11,)
"""Supported versions: 8.5 (the first with named tensors and uint8 inputs) to 11."""

PRECISIONS: tuple[str, ...] = ("auto", "fp32", "fp16")
"""Values of the ``precision`` parameter."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Options of a build.

    Attributes:
        precision: ``fp32``; ``fp16``: allow FP16, fail where the GPU has no fast FP16; ``auto``:
            allow FP16 where it is fast.
        max_batch: Largest batch of the optimization profile; its optimum is 1.
        workspace_mib: Scratch memory that a layer may use, MiB.
    """

    precision: str = "auto"
    max_batch: int = 4
    workspace_mib: int = 256


def import_tensorrt() -> Any:
    """Import the ``tensorrt`` module.

    Raises:
        BackendError: It is not installed, or its version is not supported.
    """
    try:
        trt = importlib.import_module("tensorrt")
    except ImportError as error:
        raise BackendError(f"TensorRT is not installed: {one_line(error)}") from error
    if not (version_of(trt) >= OLDEST and version_of(trt)[:1] <= NEWEST):
        raise BackendError(f"TensorRT {trt.__version__} is not supported: 8.5 to 11 are")
    return trt


def version_of(trt: Any) -> tuple[int, ...]:
    """Major and minor version of the ``tensorrt`` module."""
    return tuple(int(n) for n in str(trt.__version__).split(".")[:2] if n.isdigit())


def build(model: bytes, options: BuildOptions, report: Callable[[str], None]) -> bytes:
    """Build an engine in this process.

    Args:
        model: Bytes of the ONNX file.
        options: Precision, batch and memory.
        report: Receives lines of progress.

    Returns:
        The serialized engine.

    Raises:
        BackendError: TensorRT or onnx is missing, or TensorRT rejects the model.
        ModelError: The bytes are not an ONNX model.
    """
    trt = import_tensorrt()
    properties = inspect_model(model)
    if not properties.cast_first:
        model = with_float_input(model)
    errors: list[str] = []
    logger = _error_logger(trt, errors)
    builder = trt.Builder(logger)
    flags = trt.NetworkDefinitionCreationFlag
    # From 10 on every network has an explicit batch and the flag does nothing; 11 has none.
    explicit = 1 << int(flags.EXPLICIT_BATCH) if hasattr(flags, "EXPLICIT_BATCH") else 0
    network = builder.create_network(explicit)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        reasons = [parser.get_error(i).desc() for i in range(parser.num_errors)]
        raise BackendError(f"TensorRT cannot parse the model: {one_line('; '.join(reasons))}")
    if network.num_inputs != 1:
        raise BackendError(f"the model has {network.num_inputs} inputs, not 1")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
    # So that the precisions of the layers can be reported.
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    _set_precision(trt, builder, config, options.precision, properties.quantized, properties.half)
    if hasattr(trt, "PreviewFeature") and hasattr(trt.PreviewFeature, "PROFILE_SHARING_0806"):
        # Several contexts on one profile, each with its own CUDA graph. Always so from 10 on.
        config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)
    source = network.get_input(0)
    shape = (CROP_SIZE, CROP_SIZE, 3)
    profile = builder.create_optimization_profile()
    profile.set_shape(source.name, (1, *shape), (1, *shape), (options.max_batch, *shape))
    config.add_optimization_profile(profile)
    monitor = _progress_monitor(trt, report)
    if monitor is None:
        report(f"TensorRT {trt.__version__} does not report progress")
    else:
        config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BackendError(f"TensorRT cannot build the model: {one_line('; '.join(errors[-3:]))}")
    return bytes(plan)


def _set_precision(
    trt: Any, builder: Any, config: Any, precision: str, quantized: bool, half: bool
) -> None:
    flags = trt.BuilderFlag
    if precision == "fp32" and hasattr(flags, "TF32"):
        config.clear_flag(flags.TF32)  # on by default, with 10 bits of mantissa
    if not hasattr(flags, "FP16"):  # strongly typed networks: the model sets the types
        if precision == "fp16" and not half:
            raise BackendError(
                f"TensorRT {trt.__version__} takes the precision from the model, which is FP32: "
                "use a model with FP16 types"
            )
        if precision == "fp32" and half:
            raise BackendError(
                f"TensorRT {trt.__version__} takes the precision from the model, which is FP16"
            )
        return
    if quantized:
        config.set_flag(flags.INT8)  # applies to Q/DQ nodes only; nothing is calibrated here
    fast = builder.platform_has_fast_fp16
    if precision == "fp16" and not fast:
        raise BackendError("this GPU has no fast FP16")
    if precision != "fp32" and fast:
        config.set_flag(flags.FP16)


def _error_logger(trt: Any, errors: list[str]) -> Any:
    class Logger(trt.ILogger):  # type: ignore[misc]
        """Collects error messages."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                errors.append(str(msg))

    return Logger()


def _progress_monitor(trt: Any, report: Callable[[str], None]) -> Any:
    """A progress monitor for the outermost phases; None before TensorRT 10, which has none."""
    if not hasattr(trt, "IProgressMonitor"):
        return None

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Reports phases and per cent; called by several threads of TensorRT."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if parent_phase is None:
                self._steps[phase_name] = num_steps
                report(phase_name)

        def step_complete(self, phase_name: str, step: int) -> bool:
            steps = self._steps.get(phase_name)
            if steps:
                report(f"{phase_name}, {min(100, 100 * (step + 1) // steps)} %")
            return True

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

    return Monitor()
