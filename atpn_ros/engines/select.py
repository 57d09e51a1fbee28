# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ladder: the best rung that really works is taken, and every refusal is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from atpn_ros.engines.base import BackendError, Engine, LoadControl, ModelError
from atpn_ros.engines.cache import EngineCache
from atpn_ros.engines.fallback import Backend, FallbackEngine
from atpn_ros.engines.onnx import OnnxEngine
from atpn_ros.engines.tensorrt_build import PRECISIONS, BuildOptions
from atpn_ros.engines.tensorrt_load import load_tensorrt

FALLBACK_CHAIN: tuple[str, ...] = (
    "tensorrt",
    "onnx-tensorrt",
    "onnx-cuda",
    "onnx-openvino",
    "onnx-cpu",
)
"""Rungs from the fastest down."""

BACKENDS: tuple[str, ...] = ("auto", *FALLBACK_CHAIN)
"""What ``backend`` may be."""


@dataclass(frozen=True, slots=True)
class _LoadRequest:
    """What every rung is made from."""

    model: Path
    threads: int
    build: BuildOptions
    cache: EngineCache
    control: LoadControl


def load_engine(
    model: Path,
    backend: str = "auto",
    threads: int = 1,
    strict: bool = False,
    *,
    max_faces: int = 4,
    precision: str = "auto",
    cache: EngineCache | None = None,
    control: LoadControl | None = None,
) -> FallbackEngine:
    """Load a model on the best rung that works. The engine belongs to the calling thread.

    Args:
        model: The ``.onnx`` file.
        backend: ``auto`` or the name of the rung to start at.
        threads: For rungs that run on the CPU.
        strict: Take the named rung or none; never step down while running.
        max_faces: The batch that TensorRT's rungs are built for; larger ones are run in parts.
        precision: ``auto``, ``fp32`` or ``fp16``, for TensorRT's rungs.
        cache: Of built engines; by default the user's.
        control: Told of slow steps and of rungs that are left; stops a build.

    Raises:
        ModelError: The model itself is bad; no rung is tried after that.
        BackendError: No rung works, or ``strict`` and the named one does not.
        LoadCancelled: ``control`` was stopped.
    """
    if backend not in BACKENDS:
        raise BackendError(f"backend {backend!r} is none of {', '.join(BACKENDS)}")
    if precision not in PRECISIONS:
        raise BackendError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
    if not model.is_file():
        raise ModelError(f"{model}: no such file")
    first = 0 if backend == "auto" else FALLBACK_CHAIN.index(backend)
    names = (
        FALLBACK_CHAIN[first : first + 1]
        if strict and backend != "auto"
        else FALLBACK_CHAIN[first:]
    )
    control = control or LoadControl()
    options = BuildOptions(precision=precision, max_batch=max_faces)
    wish = _LoadRequest(model, threads, options, cache or EngineCache(), control)
    makers = {
        "tensorrt": _tensorrt,
        "onnx-tensorrt": _onnx_tensorrt,
        "onnx-cuda": _onnx_cuda,
        "onnx-openvino": _onnx_openvino,
        "onnx-cpu": _onnx_cpu,
    }
    rungs = [Backend(n, _bound(makers[n], wish), builds=n.endswith("tensorrt")) for n in names]
    return FallbackEngine(rungs, control, steps_down=not strict)


def _bound(make: Callable[[_LoadRequest], Engine], wish: _LoadRequest) -> Callable[[], Engine]:
    return lambda: make(wish)


def _tensorrt(wish: _LoadRequest) -> Engine:
    return load_tensorrt(wish.model, wish.build, wish.cache, wish.control)


def _onnx_tensorrt(wish: _LoadRequest) -> Engine:
    """ONNX Runtime builds in this process and cannot be stopped; it keeps no engines on disk.

    Its own cache trusts whatever lies in its folder, which ours must not.
    """
    shape = "x".join(map(str, (128, 128, 3)))
    options = {
        "trt_fp16_enable": str(wish.build.precision != "fp32"),
        "trt_max_workspace_size": str(wish.build.workspace_mib << 20),
        "trt_engine_cache_enable": "False",
        "trt_profile_min_shapes": f"crops:1x{shape}",
        "trt_profile_opt_shapes": f"crops:1x{shape}",
        "trt_profile_max_shapes": f"crops:{wish.build.max_batch}x{shape}",
    }
    return OnnxEngine(
        wish.model, "onnx-tensorrt", "TensorrtExecutionProvider", wish.threads,
        ("CUDAExecutionProvider",), options,
    )  # fmt: skip


def _onnx_cuda(wish: _LoadRequest) -> Engine:
    # The default tries all of cuDNN's algorithms at every new batch size, while faces wait.
    options = {"cudnn_conv_algo_search": "HEURISTIC"}
    return OnnxEngine(
        wish.model, "onnx-cuda", "CUDAExecutionProvider", wish.threads, options=options
    )


def _onnx_openvino(wish: _LoadRequest) -> Engine:
    options = {"device_type": "CPU", "num_of_threads": str(wish.threads)} if wish.threads else {}
    return OnnxEngine(
        wish.model, "onnx-openvino", "OpenVINOExecutionProvider", wish.threads, options=options
    )


def _onnx_cpu(wish: _LoadRequest) -> Engine:
    return OnnxEngine(wish.model, "onnx-cpu", "CPUExecutionProvider", wish.threads)
