# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CUDA runtime calls, copies, graphs and pinned buffers through ``cuda-python``."""

from __future__ import annotations

import ctypes
import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from atpn_ros.engines.base import BackendError
from atpn_ros.types import Array

_MODULES = ("cuda.bindings.runtime", "cuda.cudart")
"""Modules of the runtime: the first since cuda-python 12.6.1 and 11.8.4, the second before 13."""


class CudaError(BackendError):
    """A call of the CUDA runtime failed: out of memory, a lost device, no driver."""


@dataclass(frozen=True, slots=True)
class Device:
    """The GPU that is used: CUDA's first device, which ``CUDA_VISIBLE_DEVICES`` selects.

    Attributes:
        name: Name of the GPU.
        compute: Compute capability, e.g. ``8.7``.
        driver: Version of CUDA that the driver supports, e.g. 12060.
    """

    name: str
    compute: str
    driver: int


class Cuda:
    """The CUDA runtime on the first device, for one thread.

    Raises:
        CudaError: cuda-python, the driver or a GPU is missing.
    """

    def __init__(self) -> None:
        self._rt = _runtime()
        if not self.call("cudaGetDeviceCount"):
            raise CudaError("CUDA finds no GPU")
        self.call("cudaSetDevice", 0)

    def call(self, function: str, *arguments: Any) -> Any:
        """Call a function of the runtime. Returns its value, None if it has none.

        Raises:
            CudaError: It returned an error, or cuda-python could not load its libraries.
        """
        try:
            error, *values = getattr(self._rt, function)(*arguments)
        except RuntimeError as failure:  # no libcuda, no libcudart
            raise CudaError(f"{function}: {failure}") from failure
        if int(error) != 0:
            raise CudaError(f"{function}: {self._error_name(error)}")
        return values[0] if values else None

    def _error_name(self, error: Any) -> str:
        try:
            name = self._rt.cudaGetErrorName(error)[1]
        except Exception:  # a broken driver must not hide the first error
            return f"error {int(error)}"
        return name.decode() if isinstance(name, bytes) else str(name)

    def device(self) -> Device:
        """Properties of the GPU."""
        properties = self.call("cudaGetDeviceProperties", 0)
        raw = properties.name
        name = raw.split(b"\0")[0].decode(errors="replace") if isinstance(raw, bytes) else str(raw)
        return Device(
            name, f"{properties.major}.{properties.minor}", int(self.call("cudaDriverGetVersion"))
        )

    def to_device(self, buffer: Buffer, nbytes: int, stream: Any) -> None:
        """Start copying ``nbytes`` of a buffer from host to device."""
        kind = self._rt.cudaMemcpyKind.cudaMemcpyHostToDevice
        self.call("cudaMemcpyAsync", buffer.device, buffer.pinned, nbytes, kind, stream)

    def to_host(self, buffer: Buffer, nbytes: int, stream: Any) -> None:
        """Start copying ``nbytes`` of a buffer from device to host."""
        kind = self._rt.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self.call("cudaMemcpyAsync", buffer.pinned, buffer.device, nbytes, kind, stream)

    def begin_capture(self, stream: Any) -> None:
        """Start recording a stream's work into a graph instead of running it."""
        # Thread local: other threads of the node may use CUDA too.
        mode = self._rt.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self.call("cudaStreamBeginCapture", stream, mode)

    def end_capture(self, stream: Any) -> Any:
        """End recording. Returns the executable graph."""
        graph = self.call("cudaStreamEndCapture", stream)
        try:
            # Not cudaGraphInstantiate: its arguments differ between CUDA 11 and 12.
            return self.call("cudaGraphInstantiateWithFlags", graph, 0)
        finally:
            self.call("cudaGraphDestroy", graph)


class Buffer:
    """Memory on the device and pinned memory of the same size on the host.

    Attributes:
        host: (shape) array in the pinned memory.
        device: Address on the device.
        pinned: Address of ``host``.
    """

    def __init__(self, cuda: Cuda, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._cuda = cuda
        self.device = self.pinned = 0
        kind = np.dtype(dtype)
        self.nbytes = int(np.prod(shape)) * kind.itemsize
        try:
            self.device = int(cuda.call("cudaMalloc", self.nbytes))
            self.pinned = int(cuda.call("cudaMallocHost", self.nbytes))
        except CudaError:
            self.free()
            raise
        raw = memoryview((ctypes.c_uint8 * self.nbytes).from_address(self.pinned))
        self.host: Array = np.frombuffer(raw, kind).reshape(shape)

    def free(self) -> None:
        """Free both; the array must not be used afterwards."""
        device, self.device = self.device, 0
        pinned, self.pinned = self.pinned, 0
        if device:
            self._cuda.call("cudaFree", device)
        if pinned:
            self._cuda.call("cudaFreeHost", pinned)


def handle_of(stream: Any) -> int:
    """A stream's handle as the number that TensorRT takes."""
    try:
        utils = importlib.import_module("cuda.bindings.utils")
        return int(utils.get_cuda_native_handle(stream))
    except (ImportError, AttributeError):  # before cuda-python 13
        return int(stream)


def _runtime() -> Any:
    for name in _MODULES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise CudaError("cuda-python is not installed")
