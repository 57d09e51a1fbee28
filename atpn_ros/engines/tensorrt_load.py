# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From an ONNX file to a TensorRT engine at work: out of the cache, or built and put there."""

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


def key_of(model: bytes, version: str, device: Device, options: BuildOptions) -> EngineKey:
    """What the engine of a model is cached under."""
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
    """The engine of a model from the cache, or built.

    Raises:
        ModelError: The file is missing or is no ONNX.
        BackendError: TensorRT, CUDA or the GPU is missing, or TensorRT does not take the model.
        LoadCancelled: ``control`` was stopped.
    """
    if not model.is_file():
        raise ModelError(f"{model}: no such file")
    trt, cuda = import_tensorrt(), Cuda()
    device = cuda.device()
    data = model.read_bytes()
    key = key_of(data, str(trt.__version__), device, options)

    def make() -> bytes:
        return build_in_child(data, options, control)

    stored = cache.get_or_build(key, make, control)
    try:
        return TensorRtEngine(stored.plan, options.max_batch, stored.words, trt, cuda, device)
    except DeserializationError as error:
        if stored.fresh:
            raise
        control.report(f"engine from the cache: {error}; building again")
    cache.remove(key, control)
    stored = cache.get_or_build(key, make, control)
    return TensorRtEngine(stored.plan, options.max_batch, stored.words, trt, cuda, device)
