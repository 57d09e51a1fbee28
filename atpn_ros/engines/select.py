# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads a model on the best backend that works on this machine."""

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
"""Names of all backends, fastest first: the order in which they are tried."""

BACKENDS: tuple[str, ...] = ("auto", *FALLBACK_CHAIN)
"""Values of the ``backend`` parameter."""


@dataclass(frozen=True, slots=True)
class _LoadRequest:
    """What every backend is loaded from."""

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
    max_faces: int = 8,
    precision: str = "auto",
    cache: EngineCache | None = None,
    control: LoadControl | None = None,
) -> FallbackEngine:
    """Load a model on the best backend that works, for use by the calling thread only.

    Args:
        model: The ``.onnx`` file.
        backend: ``auto``, or the name of the first backend to try.
        threads: Threads of backends that run on the CPU; 0: ONNX Runtime's default.
        strict: Use the named backend only, and never fall back while running.
        max_faces: The largest batch that TensorRT engines are built for; larger ones are split.
        precision: ``auto``, ``fp32`` or ``fp16``, for the TensorRT backends.
        cache: The cache of built engines; by default in the user's cache folder.
        control: Receives progress and runtime failures; cancels a build.

    Raises:
        ModelError: The model is not valid; no further backend is tried.
        BackendError: No backend works, or ``strict`` and the named one does not.
        LoadCancelled: Loading was cancelled.
    """
    if backend not in BACKENDS:
        raise BackendError(f"backend {backend!r} is none of {', '.join(BACKENDS)}")
    if precision not in PRECISIONS:
        raise BackendError(f"precision {precision!r} is none of {', '.join(PRECISIONS)}")
    if not model.is_file():
        raise ModelError(f"{model}: no such file")
    first = 0 if backend == "auto" else FALLBACK_CHAIN.index(backend)
    chain = (
        FALLBACK_CHAIN[first : first + 1]
        if strict and backend != "auto"
        else FALLBACK_CHAIN[first:]
    )
    control = control or LoadControl()
    options = BuildOptions(precision=precision, max_batch=max_faces)
    request = _LoadRequest(model, threads, options, cache or EngineCache(), control)
    loaders = {
        "tensorrt": _tensorrt,
        "onnx-tensorrt": _onnx_tensorrt,
        "onnx-cuda": _onnx_cuda,
        "onnx-openvino": _onnx_openvino,
        "onnx-cpu": _onnx_cpu,
    }
    backends = [
        Backend(n, _loader(loaders[n], request), builds=n.endswith("tensorrt")) for n in chain
    ]
    return FallbackEngine(backends, control, fall_back=not strict)


def _loader(load: Callable[[_LoadRequest], Engine], request: _LoadRequest) -> Callable[[], Engine]:
    return lambda: load(request)


def _tensorrt(request: _LoadRequest) -> Engine:
    return load_tensorrt(request.model, request.build, request.cache, request.control)


def _onnx_tensorrt(request: _LoadRequest) -> Engine:
    """ONNX Runtime's TensorRT provider: builds in this process, cannot be cancelled, has no cache.

    ONNX Runtime's own engine cache does not check who wrote its files, so it is off.
    """
    shape = "x".join(map(str, (128, 128, 3)))
    options = {
        "trt_fp16_enable": str(request.build.precision != "fp32"),
        "trt_max_workspace_size": str(request.build.workspace_mib << 20),
        "trt_engine_cache_enable": "False",
        "trt_profile_min_shapes": f"crops:1x{shape}",
        "trt_profile_opt_shapes": f"crops:1x{shape}",
        "trt_profile_max_shapes": f"crops:{request.build.max_batch}x{shape}",
    }
    return OnnxEngine(
        request.model, "onnx-tensorrt", "TensorrtExecutionProvider", request.threads,
        ("CUDAExecutionProvider",), options,
    )  # fmt: skip


def _onnx_cuda(request: _LoadRequest) -> Engine:
    # The default times all of cuDNN's algorithms at every new batch size, while images wait.
    options = {"cudnn_conv_algo_search": "HEURISTIC"}
    return OnnxEngine(
        request.model, "onnx-cuda", "CUDAExecutionProvider", request.threads, options=options
    )


def _onnx_openvino(request: _LoadRequest) -> Engine:
    options = (
        {"device_type": "CPU", "num_of_threads": str(request.threads)} if request.threads else {}
    )
    return OnnxEngine(
        request.model,
        "onnx-openvino",
        "OpenVINOExecutionProvider",
        request.threads,
        options=options,
    )


def _onnx_cpu(request: _LoadRequest) -> Engine:
    return OnnxEngine(request.model, "onnx-cpu", "CPUExecutionProvider", request.threads)
