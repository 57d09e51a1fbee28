# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT 8.5 to 11 behind the :class:`Engine` protocol.

One stream, pinned buffers, named tensors. Each batch size gets an execution context of its own once
it occurs, whose shape then never changes: so what that context does can be recorded as a CUDA graph
and replayed with one call. TensorRT 8.5 allows one context only: there batches run without graphs,
except when the engine is built for a single face.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines.base import OPTIONAL, REQUIRED, BackendError, NetworkOutput, one_line
from atpn_ros.engines.cuda import Buffer, Cuda, CudaError, Device, handle_of
from atpn_ros.engines.tensorrt_build import version_of
from atpn_ros.types import Image

_SHAPE = (CROP_SIZE, CROP_SIZE, 3)
_NON_BLOCKING = 1
"""Of streams: not tied to the default stream."""


class DeserializationError(BackendError):
    """A serialized engine that this TensorRT on this GPU does not take."""


class WrongThread(RuntimeError):
    """An engine was used by another thread than the one that it belongs to."""


@dataclass(slots=True)
class _BatchContext:
    """One batch size: a context that keeps its shape, and its graph where there is one."""

    context: Any
    graph: Any = None


class TensorRtEngine:
    """A serialized engine at work. It belongs to the thread that made it.

    Args:
        plan: The serialized engine, as :func:`atpn_ros.engines.tensorrt_build.build` gives it.
            It is a program: it must come from this machine's own cache or builder.
        max_batch: Upper end of its profile; larger batches are run in parts.
        words: Where it comes from, for the report.
        trt: TensorRT's module.
        cuda: The CUDA runtime.
        device: The GPU.

    Raises:
        DeserializationError: TensorRT refuses the plan.
        BackendError: It is no ATPN engine, or does not fit into the memory.
    """

    name = "tensorrt"

    def __init__(
        self, plan: bytes, max_batch: int, words: str, trt: Any, cuda: Cuda, device: Device
    ) -> None:
        self._owner = threading.current_thread()
        self._trt, self._cuda, self._max_batch = trt, cuda, max_batch
        self._buffers: dict[str, Buffer] = {}
        self._lanes: dict[int, _BatchContext] = {}
        self._stream: Any = None
        self._graphs_off = ""
        self._closed = False
        # The runtime must live as long as the engine, the engine as its contexts.
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise DeserializationError(
                f"TensorRT {trt.__version__} does not take it on {device.name}"
            )
        try:
            self._check()
            self._stream = cuda.call("cudaStreamCreateWithFlags", _NON_BLOCKING)
            self._handle = handle_of(self._stream)
            self._shared = self._context()
            for tensor in self._tensors:
                shape = (max_batch, *self._shape_of(tensor))
                self._buffers[tensor] = Buffer(cuda, shape, self._dtype(tensor))
        except BaseException:
            self.close()
            raise
        self._words = (
            f"TensorRT {trt.__version__} on {device.name} (compute {device.compute}), "
            f"{precisions(self._information())}, batch 1..{max_batch}, {words}"
        )

    @property
    def report(self) -> str:
        """See :class:`Engine`; with the batch sizes that run as CUDA graphs so far.

        May be read by any thread.
        """
        graphs = sorted(n for n, lane in list(self._lanes.items()) if lane.graph)
        text = f"CUDA graphs for batch {', '.join(map(str, graphs)) or 'none'}"
        off = f" ({self._graphs_off})" if self._graphs_off else ""
        return f"{self.name}: {self._words}, {text}{off}"

    def run(self, crops: Image) -> NetworkOutput:
        """See :meth:`atpn_ros.engines.base.Engine.run`; larger batches than built for in parts."""
        self._check_thread()
        if self._closed:
            raise BackendError(f"{self.name}: closed")
        step = self._max_batch
        try:
            parts = [self._batch(crops[i : i + step]) for i in range(0, len(crops), step)]
        except (CudaError, RuntimeError, MemoryError) as error:  # the last two from the bindings
            raise BackendError(f"{self.name}: {one_line(error)}") from error
        return NetworkOutput.of({k: np.concatenate([p[k] for p in parts]) for k in self._outputs})

    def close(self) -> None:
        """See :meth:`atpn_ros.engines.base.Engine.close`."""
        if self._closed:
            return
        if self._owner.is_alive():
            self._check_thread()
        self._closed = True
        # Each part by itself: after a lost device everything fails, and all that is left is to
        # let go of it.
        if self._stream is not None:
            self._try("cudaStreamSynchronize", self._stream)
        for lane in self._lanes.values():
            if lane.graph is not None:
                self._try("cudaGraphExecDestroy", lane.graph)
        self._lanes.clear()
        self._shared = self._engine = self._runtime = None
        for buffer in self._buffers.values():
            try:
                buffer.free()
            except CudaError:
                continue
        self._buffers.clear()
        if self._stream is not None:
            self._try("cudaStreamDestroy", self._stream)
            self._stream = None

    def _try(self, function: str, *arguments: Any) -> None:
        try:
            self._cuda.call(function, *arguments)
        except CudaError:
            return

    def _check_thread(self) -> None:
        if threading.current_thread() is not self._owner:
            raise WrongThread(
                f"the engine belongs to {self._owner.name}, not {threading.current_thread().name}"
            )

    def _check(self) -> None:
        """Whether this is an ATPN engine; sets the tensors' names."""
        trt, engine = self._trt, self._engine
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        if len(inputs) != 1 or tuple(engine.get_tensor_shape(inputs[0]))[1:] != _SHAPE:
            raise BackendError("the engine does not take crops")
        self._input = inputs[0]
        self._tensors = names
        self._outputs = [n for n in names if n in REQUIRED or n in OPTIONAL]
        for name in REQUIRED:
            if name not in names:
                raise BackendError(f"the engine has no output {name!r}")
        low, _, high = engine.get_tensor_profile_shape(self._input, 0)
        if low[0] > 1 or high[0] < self._max_batch:
            raise DeserializationError(f"its profile is {tuple(low)} to {tuple(high)}")

    def _shape_of(self, tensor: str) -> tuple[int, ...]:
        """Of one crop's part of a tensor. TensorRT may leave open what the file leaves open."""
        got = tuple(int(n) for n in self._engine.get_tensor_shape(tensor))[1:]
        known: dict[str, tuple[int, ...]] = REQUIRED | OPTIONAL | {self._input: _SHAPE}
        want = known.get(tensor, got)
        fits = len(got) == len(want) and all(g in (w, -1) for g, w in zip(got, want, strict=False))
        if not fits or min(want, default=1) < 0:
            raise BackendError(f"the engine's {tensor!r} is {got}, not {want}")
        return want

    def _dtype(self, tensor: str) -> str:
        """A tensor's type. Not trt.nptype: before 10 it fails with numpy 1.24 to 1.26."""
        kinds = {"FLOAT": "float32", "HALF": "float16", "UINT8": "uint8"}
        kind = self._engine.get_tensor_dtype(tensor)
        for name, ours in kinds.items():
            if kind == getattr(self._trt.DataType, name):
                return ours
        raise BackendError(f"tensor {tensor!r} is of type {kind}")

    def _context(self) -> Any:
        context = self._engine.create_execution_context()
        if context is None:
            raise BackendError("no execution context: out of memory")
        return context

    def _batch(self, crops: Image) -> dict[str, Any]:
        n = len(crops)
        self._buffers[self._input].host[:n] = crops  # uint8, or the same numbers as float32
        lane = self._lanes.get(n)
        if lane is None:
            lane = self._lanes[n] = self._lane(n)
        elif lane.graph is not None:
            self._cuda.call("cudaGraphLaunch", lane.graph, self._stream)
        else:
            if lane.context is self._shared:
                self._shape(lane.context, n)
            self._enqueue(lane.context, n)
        self._cuda.call("cudaStreamSynchronize", self._stream)
        # Copies: the buffers belong to the next batch.
        return {name: self._buffers[name].host[:n].copy() for name in self._outputs}

    def _lane(self, n: int) -> _BatchContext:
        """The first batch of a size: make its lane, run it, and record it for the next time."""
        context = self._shared if self._max_batch == 1 else self._own_context()
        if context is None:
            lane = _BatchContext(self._shared)
            self._shape(lane.context, n)
            self._enqueue(lane.context, n)
            return lane
        lane = _BatchContext(context)
        self._shape(context, n)
        # Before it is recorded it must have run once with its shape.
        self._enqueue(context, n)
        self._cuda.call("cudaStreamSynchronize", self._stream)
        if not self._graphs_off:
            lane.graph = self._record(context, n)
        return lane

    def _own_context(self) -> Any:
        """A further context on the same profile, None where TensorRT allows no second one."""
        if version_of(self._trt) < (8, 6):
            self._graphs_off = f"TensorRT {self._trt.__version__} allows one context"
            return None
        return self._engine.create_execution_context()

    def _shape(self, context: Any, n: int) -> None:
        if not context.set_input_shape(self._input, (n, *_SHAPE)):
            raise BackendError(f"{self.name}: refuses a batch of {n}")
        for tensor in self._tensors:
            if not context.set_tensor_address(tensor, self._buffers[tensor].device):
                raise BackendError(f"{self.name}: refuses the address of {tensor}")

    def _enqueue(self, context: Any, n: int) -> None:
        """Put one batch on the stream: in, through, out."""
        cuda, stream = self._cuda, self._stream
        source = self._buffers[self._input]
        cuda.to_device(source, n * source.nbytes // self._max_batch, stream)
        if not context.execute_async_v3(self._handle):
            raise BackendError(f"{self.name}: execution failed")
        for name in self._outputs:
            target = self._buffers[name]
            cuda.to_host(target, n * target.nbytes // self._max_batch, stream)

    def _record(self, context: Any, n: int) -> Any:
        """The lane's graph, None where CUDA or TensorRT cannot record."""
        cuda = self._cuda
        try:
            cuda.begin_capture(self._stream)
            try:
                self._enqueue(context, n)
            except BackendError:
                self._try("cudaStreamEndCapture", self._stream)
                raise
            return cuda.end_capture(self._stream)
        except BackendError as error:
            self._graphs_off = one_line(error)
            # The answer of the run before is still in the buffers; the stream is clean again.
            return None

    def _information(self) -> str:
        inspector = self._engine.create_engine_inspector()
        return str(inspector.get_engine_information(self._trt.LayerInformationFormat.JSON))


def precisions(information: str) -> str:
    """In which types the layers of an engine give their results, from the inspector's JSON.

    >>> precisions('{"Layers": [{"Outputs": [{"Format/Datatype": "Row major FP16 format"}]}]}')
    'layers: 1 fp16'
    """
    try:
        layers = json.loads(information)["Layers"]
        texts = [" ".join(str(o) for o in layer.get("Outputs", ())) for layer in layers]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "layers' precision not told"
    counts = Counter(_precision(text) for text in texts if text)
    return "layers: " + ", ".join(f"{n} {kind}" for kind, n in counts.most_common())


_KINDS = {
    "int8": re.compile(r"\bint8\b", re.I),
    "fp8": re.compile(r"\bfp8\b", re.I),
    "bf16": re.compile(r"\bbf(loat)?16\b", re.I),
    "fp16": re.compile(r"\b(fp16|half)\b", re.I),
    "fp32": re.compile(r"\b(fp32|float)\b", re.I),
}


def _precision(text: str) -> str:
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(text)), "other")
