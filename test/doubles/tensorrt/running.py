# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runtime, engines and execution contexts of the TensorRT double."""

from __future__ import annotations

import json
import os
import threading

import numpy as np
import onnx
from gpu_double import GPU, Misuse

from tensorrt.definitions import (
    MAGIC,
    MAJOR,
    NUMPY,
    ONNX,
    ILogger,
    TensorIOMode,
    __version__,
    ready,
)


class Runtime:
    def __init__(self, logger):
        self._logger = ready(logger)

    def deserialize_cuda_engine(self, serialized_engine):
        data = bytes(serialized_engine)
        try:
            assert data.startswith(MAGIC)
            head, model = data.removeprefix(MAGIC).split(b"\n", 1)
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
                self.tensors[value.name] = [TensorIOMode(mode), ONNX[kind.elem_type], shape]
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
            if MAJOR >= 11:
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
        kind = np.dtype(NUMPY[engine.get_tensor_dtype(source)])
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
