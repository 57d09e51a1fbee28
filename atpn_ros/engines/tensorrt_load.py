# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads a model with TensorRT: takes the built engine from the cache, or builds and stores it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

from atpn_ros.engines.base import LoadControl, ModelError
from atpn_ros.engines.cache import EngineCache, EngineKey
from atpn_ros.engines.child import build_in_child
from atpn_ros.engines.cuda import Cuda, Device
from atpn_ros.engines.tensorrt import DeserializationError, TensorRtEngine
from atpn_ros.engines.tensorrt_build import BuildOptions, import_tensorrt


def engine_key(model: bytes, version: str, device: Device, options: BuildOptions) -> EngineKey:
    """Cache key of the engine of a model."""
    rest = {k: str(v) for k, v in asdict(options).items() if k not in ("precision", "max_batch")}
    return EngineKey(
        model_sha256=hashlib.sha256(model).hexdigest(),
        tensorrt=version,
        gpu=device.name,
        compute=device.compute,
        precision=options.precision,
        max_batch=options.max_batch,
        options=tuple(sorted(rest.items())),
    )


def load_tensorrt(
    model: Path, options: BuildOptions, cache: EngineCache, control: LoadControl
) -> TensorRtEngine:
    """Load the engine of a model from the cache, or build it.

    Raises:
        ModelError: The file is missing or is not an ONNX model.
        BackendError: TensorRT, CUDA, onnx or the GPU is missing, or TensorRT rejects the model.
        LoadCancelled: Loading was cancelled.
    """
    if not model.is_file():
        raise ModelError(f"{model}: no such file")
    trt, cuda = import_tensorrt(), Cuda()
    device = cuda.device()
    data = model.read_bytes()
    key = engine_key(data, str(trt.__version__), device, options)

    def make() -> bytes:
        return build_in_child(data, options, control)

    cached = cache.get_or_build(key, make, control)
    try:
        return TensorRtEngine(cached.plan, options.max_batch, cached.origin, trt, cuda, device)
    except DeserializationError as error:
        if cached.fresh:
            raise
        control.report(f"engine from the cache: {error}; building again")
    cache.remove(key, control)
    cached = cache.get_or_build(key, make, control)
    return TensorRtEngine(cached.plan, options.max_batch, cached.origin, trt, cuda, device)
