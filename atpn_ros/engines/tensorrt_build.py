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
"""Supported versions: from 8.5 (named tensors, uint8 inputs) to any 11."""

PRECISIONS: tuple[str, ...] = ("auto", "fp32", "fp16")


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How an engine is built.

    Attributes:
        precision: ``fp32``; ``fp16``: allow it and fail where that cannot be; ``auto``: allow it
            where it is fast.
        max_batch: Upper end of the optimization profile, whose optimum is 1.
        workspace_mib: Memory that a layer may use for scratch.
    """

    precision: str = "auto"
    max_batch: int = 4
    workspace_mib: int = 256


def import_tensorrt() -> Any:
    """TensorRT's module, if it is there and of a supported version.

    Raises:
        BackendError: It is not.
    """
    try:
        trt = importlib.import_module("tensorrt")
    except ImportError as error:
        raise BackendError(f"TensorRT is not installed: {one_line(error)}") from error
    if not (version_of(trt) >= OLDEST and version_of(trt)[:1] <= NEWEST):
        raise BackendError(f"TensorRT {trt.__version__} is not supported: 8.5 to 11 are")
    return trt


def version_of(trt: Any) -> tuple[int, ...]:
    """Major and minor."""
    return tuple(int(n) for n in str(trt.__version__).split(".")[:2] if n.isdigit())


def build(model: bytes, options: BuildOptions, tell: Callable[[str], None]) -> bytes:
    """Build an engine in this process.

    Raises:
        BackendError: TensorRT refuses, with its own words.
        ModelError: This is no ONNX file.
    """
    trt = import_tensorrt()
    properties = inspect_model(model)
    if not properties.cast_first:
        model = with_float_input(model)
    words: list[str] = []
    logger = _logger(trt, words)
    builder = trt.Builder(logger)
    flags = trt.NetworkDefinitionCreationFlag
    # From 10 on every network has an explicit batch and the flag does nothing; 11 has none.
    explicit = 1 << int(flags.EXPLICIT_BATCH) if hasattr(flags, "EXPLICIT_BATCH") else 0
    network = builder.create_network(explicit)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        errors = [parser.get_error(i).desc() for i in range(parser.num_errors)]
        raise BackendError(f"TensorRT cannot parse the model: {one_line('; '.join(errors))}")
    if network.num_inputs != 1:
        raise BackendError(f"the model has {network.num_inputs} inputs, not 1")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib << 20)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED  # to report the precisions used
    _set_precision(trt, builder, config, options.precision, properties.quantized, properties.half)
    if hasattr(trt, "PreviewFeature") and hasattr(trt.PreviewFeature, "PROFILE_SHARING_0806"):
        # Several contexts on one profile, each with its own CUDA graph. Always so from 10 on.
        config.set_preview_feature(trt.PreviewFeature.PROFILE_SHARING_0806, True)
    source = network.get_input(0)
    shape = (CROP_SIZE, CROP_SIZE, 3)
    profile = builder.create_optimization_profile()
    profile.set_shape(source.name, (1, *shape), (1, *shape), (options.max_batch, *shape))
    config.add_optimization_profile(profile)
    monitor = _monitor(trt, tell)
    if monitor is None:
        tell(f"TensorRT {trt.__version__} tells nothing of its progress")
    else:
        config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise BackendError(f"TensorRT cannot build the model: {one_line('; '.join(words[-3:]))}")
    return bytes(plan)


def _set_precision(
    trt: Any, builder: Any, config: Any, precision: str, quantized: bool, half: bool
) -> None:
    flags = trt.BuilderFlag
    if precision == "fp32" and hasattr(flags, "TF32"):
        config.clear_flag(flags.TF32)  # on by default, with 10 bits of mantissa
    if not hasattr(flags, "FP16"):  # strongly typed: the model says all
        if precision == "fp16" and not half:
            raise BackendError(
                f"TensorRT {trt.__version__} takes the precision from the model, which is FP32: "
                "give a model typed FP16"
            )
        if precision == "fp32" and half:
            raise BackendError(
                f"TensorRT {trt.__version__} takes the precision from the model, which is FP16"
            )
        return
    if quantized:
        config.set_flag(flags.INT8)  # only what the Q/DQ nodes say; there is no calibration here
    fast = builder.platform_has_fast_fp16
    if precision == "fp16" and not fast:
        raise BackendError("this GPU has no fast FP16")
    if precision != "fp32" and fast:
        config.set_flag(flags.FP16)


def _logger(trt: Any, words: list[str]) -> Any:
    class Logger(trt.ILogger):  # type: ignore[misc]
        """Keeps what went wrong."""

        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                words.append(str(msg))

    return Logger()


def _monitor(trt: Any, tell: Callable[[str], None]) -> Any:
    """Tells of the outermost phases, where TensorRT has monitors at all (from 10 on)."""
    if not hasattr(trt, "IProgressMonitor"):
        return None

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Called by several of TensorRT's threads."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if parent_phase is None:
                self._steps[phase_name] = num_steps
                tell(phase_name)

        def step_complete(self, phase_name: str, step: int) -> bool:
            steps = self._steps.get(phase_name)
            if steps:
                tell(f"{phase_name}, {min(100, 100 * (step + 1) // steps)} %")
            return True

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

    return Monitor()
