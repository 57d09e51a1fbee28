# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A double of TensorRT's Python API that computes with ONNX Runtime and enforces the rules.

``ATPN_DOUBLE_TENSORRT`` is the flavour: 8.5, 8.6, 10 or 11. Names and signatures are those of the
public bindings (see docs/engines.md). Not here is what engines do not call.
"""

from __future__ import annotations

import enum
import json
import os
import threading
import time
from pathlib import Path

import numpy as np
import onnx
from gpu_double import GPU, Misuse

FLAVOUR = os.environ.get("ATPN_DOUBLE_TENSORRT", "10")
__version__ = {"8.5": "8.5.3.1", "8.6": "8.6.1", "10": "10.3.0", "11": "11.1.0"}.get(
    FLAVOUR, FLAVOUR
)
_MAJOR = int(__version__.split(".")[0])
_WEAK = _MAJOR < 11
_MAGIC = b"plan of the double\n"


def _enum(name, *members):
    return enum.IntEnum(name, {m: i for i, m in enumerate(members)})


DataType = _enum("DataType", "FLOAT", "HALF", "INT8", "INT32", "BOOL", "UINT8", "FP8")
float32, float16, uint8 = DataType.FLOAT, DataType.HALF, DataType.UINT8
TensorIOMode = _enum("TensorIOMode", "NONE", "INPUT", "OUTPUT")
MemoryPoolType = _enum("MemoryPoolType", "WORKSPACE", "DLA_MANAGED_SRAM")
ProfilingVerbosity = _enum("ProfilingVerbosity", "LAYER_NAMES_ONLY", "NONE", "DETAILED")
LayerInformationFormat = _enum("LayerInformationFormat", "ONELINE", "JSON")
BuilderFlag = _enum("BuilderFlag", *(("FP16", "INT8", "TF32") if _WEAK else ("TF32",)))
NetworkDefinitionCreationFlag = _enum(
    "NetworkDefinitionCreationFlag",
    *{8: ("EXPLICIT_BATCH",), 10: ("EXPLICIT_BATCH", "STRONGLY_TYPED")}.get(
        _MAJOR, ("STRONGLY_TYPED",)
    ),
)
PreviewFeature = _enum(
    "PreviewFeature",
    *{
        "8.5": ("FASTER_DYNAMIC_SHAPES_0805",),
        "8.6": ("FASTER_DYNAMIC_SHAPES_0805", "PROFILE_SHARING_0806"),
        "10": ("PROFILE_SHARING_0806", "ALIASED_PLUGIN_IO_10_03"),
    }.get(FLAVOUR, ("ALIASED_PLUGIN_IO_10_03",)),
)
_NUMPY = {DataType.FLOAT: np.float32, DataType.UINT8: np.uint8, DataType.HALF: np.float16}
_ONNX = {
    onnx.TensorProto.FLOAT: DataType.FLOAT,
    onnx.TensorProto.UINT8: DataType.UINT8,
    onnx.TensorProto.FLOAT16: DataType.HALF,
    onnx.TensorProto.INT32: DataType.INT32,
}


class ILogger:
    Severity = _enum("Severity", "INTERNAL_ERROR", "ERROR", "WARNING", "INFO", "VERBOSE")
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = Severity

    def __init__(self):
        self._made = True

    def log(self, severity, msg):
        raise NotImplementedError


class Logger(ILogger):
    def __init__(self, min_severity=ILogger.WARNING):
        super().__init__()
        self.min_severity = min_severity

    def log(self, severity, msg):
        if severity <= self.min_severity:
            print(f"[TRT] {msg}")


def _ready(logger):
    if not getattr(logger, "_made", False):
        raise TypeError("ILogger.__init__ was not called")
    return logger


if _MAJOR >= 10:

    class IProgressMonitor:
        def __init__(self):
            self._made = True

    __all__ = ["IProgressMonitor"]


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
        return ITensor(value.name, _ONNX[kind.elem_type], shape)


class _ParserError:
    def __init__(self, text):
        self._text = text

    def desc(self):
        return self._text


class OnnxParser:
    def __init__(self, network, logger):
        self._network, self._errors = network, []
        _ready(logger)

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
        *(("progress_monitor",) if _MAJOR >= 10 else ()),
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
        self._logger = _ready(logger)
        self.platform_has_fast_fp16_ = os.environ.get("ATPN_DOUBLE_FAST_FP16", "1") == "1"

    if _WEAK:
        platform_has_fast_fp16 = property(lambda self: self.platform_has_fast_fp16_)

    def create_network(self, flags=0):
        explicit = _MAJOR >= 10 or bool(flags & 1)
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
        half = _WEAK and BuilderFlag.FP16 in config.flags
        source = network.get_input(0)
        head = {
            "version": __version__,
            "gpu": GPU.name,
            "half": half,
            "int8": _WEAK and BuilderFlag.INT8 in config.flags,
            "tf32": BuilderFlag.TF32 in config.flags,
            "detailed": config.profiling_verbosity == ProfilingVerbosity.DETAILED,
            "sharing": _MAJOR >= 10 or "PROFILE_SHARING_0806" in config.preview,
            "profile": config.profiles[0].shapes[source.name],
        }
        return HostMemory(
            _MAGIC + json.dumps(head).encode() + b"\n" + network.model.SerializeToString()
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
        if quantized and _WEAK and BuilderFlag.INT8 not in config.flags:
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


class Runtime:
    def __init__(self, logger):
        self._logger = _ready(logger)

    def deserialize_cuda_engine(self, serialized_engine):
        data = bytes(serialized_engine)
        try:
            assert data.startswith(_MAGIC)
            head, model = data.removeprefix(_MAGIC).split(b"\n", 1)
            head = json.loads(head)
            assert head["version"] == __version__, "built by another version"
            assert head["gpu"] == GPU.name, "built on another GPU"
            return ICudaEngine(head, model, self._logger)
        except Exception as error:
            self._logger.log(ILogger.ERROR, f"Deserialization failed: {error}")
            return None


class ICudaEngine:
    def __init__(self, head, model, logger):
        import onnxruntime

        self.head, self.model, self.logger, self.contexts = head, model, logger, 0
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        graph = onnx.load_from_string(model).graph
        self.layers = [(n.name or n.output[0], n.output[0]) for n in graph.node]
        self.tensors = {}
        for mode, values in ((1, graph.input), (2, graph.output)):
            for value in values:
                kind = value.type.tensor_type
                shape = [d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim]
                self.tensors[value.name] = [TensorIOMode(mode), _ONNX[kind.elem_type], shape]
        # TensorRT infers the sizes that exporters leave open.
        source = self.session.get_inputs()[0]
        high = head["profile"][2]
        one = np.zeros((1, *high[1:]), np.uint8 if source.type == "tensor(uint8)" else np.float32)
        names = [o.name for o in self.session.get_outputs()]
        for name, value in zip(names, self.session.run(names, {source.name: one}), strict=True):
            self.tensors[name][2] = [-1, *value.shape[1:]]

    num_io_tensors = property(lambda self: len(self.tensors))

    def get_tensor_name(self, index):
        return list(self.tensors)[index]

    def get_tensor_mode(self, name):
        return self.tensors[name][0]

    def get_tensor_dtype(self, name):
        return self.tensors[name][1]

    def get_tensor_shape(self, name):
        return tuple(self.tensors[name][2])

    def get_tensor_profile_shape(self, name, profile_index):
        return [tuple(s) for s in self.head["profile"]]

    def create_execution_context(self):
        if os.environ.get("ATPN_DOUBLE_CONTEXT") == "none":
            return None
        self.contexts += 1
        return IExecutionContext(self, usable=self.contexts == 1 or self.head["sharing"])

    def create_engine_inspector(self):
        return _Inspector(self)


class _Inspector:
    def __init__(self, engine):
        self._engine = engine

    def get_engine_information(self, format):
        head, layers = self._engine.head, []
        for i, (name, output) in enumerate(self._engine.layers):
            half = head["half"] and i % 4  # the builder may leave some in FP32
            if _MAJOR >= 11:
                kind = {"Format": "Row major linear", "Datatype": "Half" if half else "Float"}
            else:
                kind = {"Format/Datatype": f"Row major linear {'FP16' if half else 'FP32'} format"}
            layer = {"Name": name, "Outputs": [{"Name": output, "Dimensions": [], **kind}]}
            layers.append(layer if head["detailed"] else name)
        return json.dumps({"Layers": layers})


class IExecutionContext:
    """One thread's; its graph is good as long as nothing of it changes."""

    def __init__(self, engine, usable):
        self._engine, self._usable = engine, usable
        self._thread, self._version = threading.get_ident(), 0
        self._addresses, self._shape, self._ran = {}, None, -1

    def _check_thread(self):
        if threading.get_ident() != self._thread:
            raise Misuse("a context is used by another thread")

    def _error(self, text):
        self._engine.logger.log(ILogger.ERROR, text)
        return False

    def set_input_shape(self, name, shape):
        self._check_thread()
        if not self._usable:
            return self._error("Profile 0 has been chosen by another IExecutionContext")
        low, _, high = self._engine.head["profile"]
        if len(shape) != len(low) or not all(
            a <= b <= c for a, b, c in zip(low, shape, high, strict=True)
        ):
            return self._error(f"{shape} is outside of the profile {low} .. {high}")
        if self._engine.get_tensor_mode(name) != TensorIOMode.INPUT:
            return self._error(f"{name} is no input")
        self._shape, self._version = tuple(shape), self._version + 1
        return True

    def set_tensor_address(self, name, memory):
        self._check_thread()
        if type(memory) is not int:
            raise TypeError("memory must be an int")
        if name not in self._engine.tensors or not memory:
            return self._error(f"no tensor {name} or no address")
        self._addresses[name], self._version = memory, self._version + 1
        return True

    def execute_async_v3(self, stream_handle):
        self._check_thread()
        if type(stream_handle) is not int:
            raise TypeError("stream_handle must be an int")
        stream = GPU.stream(stream_handle)
        if GPU.lost:
            return self._error("CUDA error 700")
        if self._shape is None:
            return self._error("Not all shapes are specified")
        missing = set(self._engine.tensors) - set(self._addresses)
        if missing:
            return self._error(f"Address is not set for {sorted(missing)}")
        version, shape, addresses = self._version, self._shape, dict(self._addresses)
        if stream.recording is not None and self._ran != version:
            return self._error("Deferred work would be recorded: run once before the capture")
        self._ran = version

        def work():
            if self._version != version:
                raise Misuse("work of a context that has changed since")
            self._compute(shape, addresses)

        stream.add(work)
        return True

    def _compute(self, shape, addresses):
        engine = self._engine
        source, *results = engine.tensors
        kind = np.dtype(_NUMPY[engine.get_tensor_dtype(source)])
        count = int(np.prod(shape)) * kind.itemsize
        crops = np.frombuffer(GPU.device(addresses[source], count), kind).reshape(shape)
        values = engine.session.run(results, {source: crops})
        for name, value in zip(results, values, strict=True):
            if engine.head["half"]:
                value = value.astype(np.float16).astype(value.dtype)
            if os.environ.get("ATPN_DOUBLE_OUTPUT") == "nan":
                value = np.full_like(value, np.nan)
            data = np.ascontiguousarray(value).tobytes()
            GPU.device(addresses[name], len(data))[:] = data
