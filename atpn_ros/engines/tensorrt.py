# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a serialized TensorRT engine, versions 8.5 to 11, with one CUDA graph per batch size.

One stream, pinned buffers, named tensors. Each batch size gets an execution context of its own when
it first occurs. The shape of a context never changes, so its work can be recorded as a CUDA graph
and replayed with one call. TensorRT 8.5 allows one context only: batches run without graphs there,
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
"""``cudaStreamNonBlocking``: the stream does not synchronize with the default stream."""


class DeserializationError(BackendError):
    """TensorRT cannot deserialize the engine, or the engine has another batch range."""


@dataclass(slots=True)
class _BatchContext:
    """Execution context of one batch size, and its CUDA graph if one could be recorded."""

    context: Any
    graph: Any = None


class TensorRtEngine:
    """Runs a serialized TensorRT engine. All methods must be called by the thread that made it.

    Args:
        plan: The serialized engine, as :func:`atpn_ros.engines.tensorrt_build.build` gives it.
            It is a program, so it must come from this machine's cache or builder.
        max_batch: Largest batch of its profile; larger batches are split.
        origin: Where it comes from, for the report.
        trt: The ``tensorrt`` module.
        cuda: The CUDA runtime.
        device: The GPU.

    Raises:
        DeserializationError: TensorRT does not accept the plan on this GPU.
        BackendError: It is not an ATPN engine, or memory ran out.
    """

    name = "tensorrt"

    def __init__(
        self, plan: bytes, max_batch: int, origin: str, trt: Any, cuda: Cuda, device: Device
    ) -> None:
        self._owner = threading.current_thread()
        self._trt, self._cuda, self._max_batch = trt, cuda, max_batch
        self._buffers: dict[str, Buffer] = {}
        self._batch_contexts: dict[int, _BatchContext] = {}
        self._stream: Any = None
        self._graphs_off = ""
        self._closed = False
        # The runtime must outlive the engine, and the engine its contexts.
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise DeserializationError(
                f"TensorRT {trt.__version__} cannot load the engine on {device.name}"
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
        self._description = (
            f"TensorRT {trt.__version__} on {device.name} (compute {device.compute}), "
            f"{precisions(self._information())}, batch 1..{max_batch}, {origin}"
        )

    @property
    def report(self) -> str:
        """See :class:`Engine`; includes the batch sizes that have a CUDA graph so far.

        May be read by any thread.
        """
        graphs = sorted(
            n for n, batch_context in list(self._batch_contexts.items()) if batch_context.graph
        )
        text = f"CUDA graphs for batch {', '.join(map(str, graphs)) or 'none'}"
        off = f" ({self._graphs_off})" if self._graphs_off else ""
        return f"{self.name}: {self._description}, {text}{off}"

    def run(self, crops: Image) -> NetworkOutput:
        """See :meth:`atpn_ros.engines.base.Engine.run`; larger batches are split."""
        self._check_thread()
        if self._closed:
            raise BackendError(f"{self.name}: closed")
        step = self._max_batch
        try:
            parts = [self._batch(crops[i : i + step]) for i in range(0, len(crops), step)]
        except (CudaError, RuntimeError, MemoryError) as error:  # the last two: from the bindings
            raise BackendError(f"{self.name}: {one_line(error)}") from error
        return NetworkOutput.of({k: np.concatenate([p[k] for p in parts]) for k in self._outputs})

    def close(self) -> None:
        """See :meth:`atpn_ros.engines.base.Engine.close`."""
        if self._closed:
            return
        if self._owner.is_alive():
            self._check_thread()
        self._closed = True
        # Each resource on its own: after the device is lost every call fails, and the others must
        # still be released.
        if self._stream is not None:
            self._call_ignoring_errors("cudaStreamSynchronize", self._stream)
        for batch_context in self._batch_contexts.values():
            if batch_context.graph is not None:
                self._call_ignoring_errors("cudaGraphExecDestroy", batch_context.graph)
        self._batch_contexts.clear()
        self._shared = self._engine = self._runtime = None
        for buffer in self._buffers.values():
            try:
                buffer.free()
            except CudaError:
                continue
        self._buffers.clear()
        if self._stream is not None:
            self._call_ignoring_errors("cudaStreamDestroy", self._stream)
            self._stream = None

    def _call_ignoring_errors(self, function: str, *arguments: Any) -> None:
        try:
            self._cuda.call(function, *arguments)
        except CudaError:
            return

    def _check_thread(self) -> None:
        if threading.current_thread() is not self._owner:
            raise RuntimeError(
                f"the engine belongs to {self._owner.name}, not {threading.current_thread().name}"
            )

    def _check(self) -> None:
        """Check that this is an ATPN engine, and set the names of its tensors."""
        trt, engine = self._trt, self._engine
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        if len(inputs) != 1 or tuple(engine.get_tensor_shape(inputs[0]))[1:] != _SHAPE:
            raise BackendError("the engine has no input for (N, 128, 128, 3) crops")
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
        """Shape of a tensor per crop. Sizes that the model leaves open are -1 in TensorRT."""
        got = tuple(int(n) for n in self._engine.get_tensor_shape(tensor))[1:]
        known: dict[str, tuple[int, ...]] = REQUIRED | OPTIONAL | {self._input: _SHAPE}
        want = known.get(tensor, got)
        fits = len(got) == len(want) and all(g in (w, -1) for g, w in zip(got, want, strict=False))
        if not fits or min(want, default=1) < 0:
            raise BackendError(f"the engine's {tensor!r} is {got}, not {want}")
        return want

    def _dtype(self, tensor: str) -> str:
        """NumPy type of a tensor. Not trt.nptype: before 10 it fails with numpy 1.24 to 1.26."""
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
        self._buffers[self._input].host[:n] = crops  # uint8, or the same values as float32
        batch_context = self._batch_contexts.get(n)
        if batch_context is None:
            batch_context = self._batch_contexts[n] = self._new_batch_context(n)
        elif batch_context.graph is not None:
            self._cuda.call("cudaGraphLaunch", batch_context.graph, self._stream)
        else:
            if batch_context.context is self._shared:
                self._shape(batch_context.context, n)
            self._enqueue(batch_context.context, n)
        self._cuda.call("cudaStreamSynchronize", self._stream)
        # Copies: the next batch overwrites the buffers.
        return {name: self._buffers[name].host[:n].copy() for name in self._outputs}

    def _new_batch_context(self, n: int) -> _BatchContext:
        """Make the context of a new batch size, run the batch and record its CUDA graph."""
        context = self._shared if self._max_batch == 1 else self._own_context()
        if context is None:
            batch_context = _BatchContext(self._shared)
            self._shape(batch_context.context, n)
            self._enqueue(batch_context.context, n)
            return batch_context
        batch_context = _BatchContext(context)
        self._shape(context, n)
        # A context must have run once with its shape before it can be recorded.
        self._enqueue(context, n)
        self._cuda.call("cudaStreamSynchronize", self._stream)
        if not self._graphs_off:
            batch_context.graph = self._record(context, n)
        return batch_context

    def _own_context(self) -> Any:
        """A further context on the same profile; None where TensorRT allows one context only."""
        if version_of(self._trt) < (8, 6):
            self._graphs_off = f"TensorRT {self._trt.__version__} allows one context"
            return None
        return self._engine.create_execution_context()

    def _shape(self, context: Any, n: int) -> None:
        if not context.set_input_shape(self._input, (n, *_SHAPE)):
            raise BackendError(f"{self.name}: does not accept a batch of {n}")
        for tensor in self._tensors:
            if not context.set_tensor_address(tensor, self._buffers[tensor].device):
                raise BackendError(f"{self.name}: does not accept the address of {tensor}")

    def _enqueue(self, context: Any, n: int) -> None:
        """Enqueue one batch on the stream: copy in, execute, copy out."""
        cuda, stream = self._cuda, self._stream
        source = self._buffers[self._input]
        cuda.to_device(source, n * source.nbytes // self._max_batch, stream)
        if not context.execute_async_v3(self._handle):
            raise BackendError(f"{self.name}: execution failed")
        for name in self._outputs:
            target = self._buffers[name]
            cuda.to_host(target, n * target.nbytes // self._max_batch, stream)

    def _record(self, context: Any, n: int) -> Any:
        """The CUDA graph of a context; None where CUDA or TensorRT cannot record it."""
        cuda = self._cuda
        try:
            cuda.begin_capture(self._stream)
            try:
                self._enqueue(context, n)
            except BackendError:
                self._call_ignoring_errors("cudaStreamEndCapture", self._stream)
                raise
            return cuda.end_capture(self._stream)
        except BackendError as error:
            self._graphs_off = one_line(error)
            # The results of the previous run are still in the buffers; the stream is usable again.
            return None

    def _information(self) -> str:
        inspector = self._engine.create_engine_inspector()
        return str(inspector.get_engine_information(self._trt.LayerInformationFormat.JSON))


def precisions(information: str) -> str:
    """Summarize the output types of an engine's layers, from the engine inspector's JSON.

    >>> precisions('{"Layers": [{"Outputs": [{"Format/Datatype": "Row major FP16 format"}]}]}')
    'layers: 1 fp16'
    """
    try:
        layers = json.loads(information)["Layers"]
        texts = [" ".join(str(o) for o in layer.get("Outputs", ())) for layer in layers]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "precision of layers unknown"
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
