# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Networks, parser and builder of the TensorRT double."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import onnx
from gpu_double import GPU, Misuse

from tensorrt.definitions import (
    MAGIC,
    MAJOR,
    ONNX,
    WEAK,
    BuilderFlag,
    ILogger,
    MemoryPoolType,
    NetworkDefinitionCreationFlag,
    PreviewFeature,
    ProfilingVerbosity,
    __version__,
    ready,
)


class HostMemory(bytearray):
    @property
    def nbytes(self):
        return len(self)


class ITensor:
    def __init__(self, name, dtype, shape):
        self.name, self._dtype, self.shape = name, dtype, shape

    @property
    def dtype(self):
        return self._dtype


class INetworkDefinition:
    def __init__(self, explicit):
        self.explicit, self.model = explicit, None

    @property
    def num_inputs(self):
        return len(self.model.graph.input)

    def get_input(self, index):
        value = self.model.graph.input[index]
        kind = value.type.tensor_type
        shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim)
        return ITensor(value.name, ONNX[kind.elem_type], shape)


class _ParserError:
    def __init__(self, text):
        self._text = text

    def desc(self):
        return self._text


class OnnxParser:
    def __init__(self, network, logger):
        self._network, self._errors = network, []
        ready(logger)

    num_errors = property(lambda self: len(self._errors))

    def get_error(self, index):
        return self._errors[index]

    def parse(self, model, path=None):
        if not isinstance(model, bytes):
            raise TypeError("parse takes bytes")
        try:
            loaded = onnx.load_from_string(model)
            onnx.checker.check_model(loaded)
        except Exception as error:
            self._errors.append(_ParserError(f"Failed to parse: {error}"))
            return False
        bytes_in = {i.name for i in loaded.graph.input if i.type.tensor_type.elem_type == 2}
        for node in loaded.graph.node:
            if bytes_in & set(node.input) and node.op_type not in ("Cast", "Identity"):
                self._errors.append(
                    _ParserError(
                        "Assertion failed: legalUINT8 && TensorRT does not support UINT8 types "
                        f"for intermediate tensors! ({node.op_type})"
                    )
                )
                return False
        self._network.model = loaded
        return True


class IOptimizationProfile:
    def __init__(self):
        self.shapes = {}

    def set_shape(self, input, min, opt, max):
        if not all(a <= b <= c for a, b, c in zip(min, opt, max, strict=True)):
            raise ValueError("min, opt and max are not in order")
        self.shapes[input] = [tuple(min), tuple(opt), tuple(max)]


class IBuilderConfig:
    __slots__ = (
        "flags", "pools", "profiles", "preview", "profiling_verbosity",
        *(("progress_monitor",) if MAJOR >= 10 else ()),
    )  # fmt: skip

    def __init__(self):
        self.flags, self.pools, self.profiles, self.preview = {BuilderFlag.TF32}, {}, [], set()
        self.profiling_verbosity = ProfilingVerbosity.LAYER_NAMES_ONLY

    def set_memory_pool_limit(self, pool, pool_size):
        self.pools[MemoryPoolType(pool)] = int(pool_size)

    def set_flag(self, flag):
        self.flags.add(BuilderFlag(flag))

    def clear_flag(self, flag):
        self.flags.discard(BuilderFlag(flag))

    def set_preview_feature(self, feature, enable):
        if enable:
            self.preview.add(PreviewFeature(feature).name)

    def add_optimization_profile(self, profile):
        self.profiles.append(profile)
        return len(self.profiles) - 1


class Builder:
    def __init__(self, logger):
        self._logger = ready(logger)
        self.platform_has_fast_fp16_ = os.environ.get("ATPN_DOUBLE_FAST_FP16", "1") == "1"

    if WEAK:
        platform_has_fast_fp16 = property(lambda self: self.platform_has_fast_fp16_)

    def create_network(self, flags=0):
        explicit = MAJOR >= 10 or bool(flags & 1)
        if flags >> len(NetworkDefinitionCreationFlag):
            raise Misuse(f"unknown network flags {flags}")
        return INetworkDefinition(explicit)

    def create_builder_config(self):
        return IBuilderConfig()

    def create_optimization_profile(self):
        return IOptimizationProfile()

    def build_serialized_network(self, network, config):
        _note_build()
        problem = self._problem(network, config)
        if problem:
            self._logger.log(ILogger.ERROR, problem)
            return None
        if not self._work(getattr(config, "progress_monitor", None)):
            return None
        half = WEAK and BuilderFlag.FP16 in config.flags
        source = network.get_input(0)
        head = {
            "version": __version__,
            "gpu": GPU.name,
            "half": half,
            "int8": WEAK and BuilderFlag.INT8 in config.flags,
            "tf32": BuilderFlag.TF32 in config.flags,
            "detailed": config.profiling_verbosity == ProfilingVerbosity.DETAILED,
            "sharing": MAJOR >= 10 or "PROFILE_SHARING_0806" in config.preview,
            "profile": config.profiles[0].shapes[source.name],
        }
        return HostMemory(
            MAGIC + json.dumps(head).encode() + b"\n" + network.model.SerializeToString()
        )

    def _problem(self, network, config):
        if not network.explicit:
            return "Network has implicit batch"
        if network.model is None:
            return "Network is empty"
        if os.environ.get("ATPN_DOUBLE_BUILD") == "refuse":
            return "Could not find any implementation for node"
        source = network.get_input(0)
        if -1 in source.shape and not any(source.name in p.shapes for p in config.profiles):
            return "Network has dynamic shapes but no optimization profile has been defined"
        quantized = {"QuantizeLinear", "DequantizeLinear"} & {
            n.op_type for n in network.model.graph.node
        }
        if quantized and WEAK and BuilderFlag.INT8 not in config.flags:
            return "Q/DQ layers need the INT8 flag"
        return ""

    def _work(self, monitor):
        if os.environ.get("ATPN_DOUBLE_BUILD") == "crash":
            os.kill(os.getpid(), 9)
        seconds, steps = float(os.environ.get("ATPN_DOUBLE_BUILD_S", "0")), 4
        if monitor is not None:
            if not getattr(monitor, "_made", False):
                raise TypeError("IProgressMonitor.__init__ was not called")
            monitor.phase_start("Building Engine", None, steps)
            monitor.phase_start("Timing", "Building Engine", 9)
        until = os.environ.get("ATPN_DOUBLE_BUILD_UNTIL")  # a file that ends the waiting
        while until and not Path(until).exists():
            time.sleep(0.02)
        for step in range(steps):
            time.sleep(seconds / steps)
            if monitor is not None and not monitor.step_complete("Building Engine", step):
                return False
        if monitor is not None:
            monitor.phase_finish("Timing")
            monitor.phase_finish("Building Engine")
        return True


def _note_build():
    log = os.environ.get("ATPN_DOUBLE_BUILD_LOG")
    if log:
        with Path(log).open("a") as file:
            file.write(f"{os.getpid()}\n")
