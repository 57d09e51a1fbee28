# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The functions of cuda-python's runtime that engines call: each gives (error, values...)."""

from __future__ import annotations

import ctypes
import functools
import os
from enum import IntEnum
from types import SimpleNamespace

from gpu_double import GPU, Misuse, Stream


class cudaError_t(IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorDevicesUnavailable = 46
    cudaErrorNoDevice = 100
    cudaErrorIllegalAddress = 700
    cudaErrorStreamCaptureUnsupported = 900


class cudaMemcpyKind(IntEnum):
    cudaMemcpyHostToDevice = 1
    cudaMemcpyDeviceToHost = 2


class cudaStreamCaptureMode(IntEnum):
    cudaStreamCaptureModeGlobal = 0
    cudaStreamCaptureModeThreadLocal = 1


class _Object:
    """A stream, graph or executable graph."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __int__(self) -> int:
        if os.environ.get("ATPN_DOUBLE_CUDA", "new") == "new":
            raise TypeError("int() of CUDA objects is going away: get_cuda_native_handle")
        return self.handle


OK = cudaError_t.cudaSuccess


def _call(function):
    @functools.wraps(function)
    def checked(*arguments):
        name = function.__name__
        GPU.calls.append(name)
        if GPU.lost:
            return (cudaError_t.cudaErrorIllegalAddress, None)
        error, times = GPU.fail.get(name, (0, 0))
        if times:
            GPU.fail[name] = (error, times - 1)
            if name == "cudaStreamEndCapture":  # a capture that went wrong is over too
                GPU.stream(arguments[0].handle).recording = None
            return (cudaError_t(error), None)
        value = function(*arguments)
        return (OK,) if value is None else (OK, value)

    return checked


def cudaGetErrorName(error):
    return (OK, error.name.encode())


def cudaGetDeviceCount():
    if GPU.count == 0:
        return (cudaError_t.cudaErrorNoDevice, 0)
    return (OK, GPU.count)


@_call
def cudaSetDevice(device):
    if device >= GPU.count:
        raise Misuse(f"no device {device}")


@_call
def cudaDriverGetVersion():
    return 12060


@_call
def cudaGetDeviceProperties(device):
    return SimpleNamespace(name=GPU.name.encode().ljust(256, b"\0"), major=8, minor=7)


@_call
def cudaMalloc(size):
    if not isinstance(size, int) or size <= 0:
        raise Misuse(f"cudaMalloc({size!r})")
    return GPU.allocate(size)


@_call
def cudaFree(address):
    if GPU.memory.pop(address, None) is None:
        raise Misuse("cudaFree of what is not held")


@_call
def cudaMallocHost(size):
    block = ctypes.create_string_buffer(size)
    address = ctypes.addressof(block)
    GPU.pinned[address] = block
    return address


@_call
def cudaFreeHost(address):
    if GPU.pinned.pop(address, None) is None:
        raise Misuse("cudaFreeHost of what is not held")


@_call
def cudaStreamCreateWithFlags(flags):
    handle = 0x1000 + GPU.number()
    GPU.streams[handle] = Stream(handle)
    return _Object(handle)


@_call
def cudaStreamDestroy(stream):
    if GPU.stream(stream.handle).pending:
        raise Misuse("a stream with work is destroyed")
    del GPU.streams[stream.handle]


@_call
def cudaStreamSynchronize(stream):
    found = GPU.stream(stream.handle)
    if found.recording is not None:
        raise Misuse("a stream that records is waited for")
    work, found.pending = found.pending, []
    for item in work:
        item()


@_call
def cudaMemcpyAsync(target, source, size, kind, stream):
    if kind == cudaMemcpyKind.cudaMemcpyHostToDevice:
        GPU.device(target, size), GPU.host(source, size)  # wrong addresses fail at once

        def copy():
            GPU.device(target, size)[:] = GPU.host(source, size)

    elif kind == cudaMemcpyKind.cudaMemcpyDeviceToHost:
        GPU.host(target, size), GPU.device(source, size)

        def copy():
            GPU.host(target, size)[:] = GPU.device(source, size)

    else:
        raise Misuse(f"copy of kind {kind!r}")
    GPU.stream(stream.handle).add(copy)


@_call
def cudaStreamBeginCapture(stream, mode):
    found = GPU.stream(stream.handle)
    if found.recording is not None or not isinstance(mode, cudaStreamCaptureMode):
        raise Misuse("cudaStreamBeginCapture")
    found.recording = []


@_call
def cudaStreamEndCapture(stream):
    found = GPU.stream(stream.handle)
    if found.recording is None:
        raise Misuse("a stream that does not record")
    work, found.recording = found.recording, None
    graph = _Object(0x2000 + GPU.number())
    GPU.graphs[graph.handle] = work
    return graph


@_call
def cudaGraphInstantiateWithFlags(graph, flags):
    made = _Object(0x3000 + GPU.number())
    GPU.graphs[made.handle] = list(GPU.graphs[graph.handle])
    return made


@_call
def cudaGraphDestroy(graph):
    del GPU.graphs[graph.handle]


@_call
def cudaGraphExecDestroy(graph):
    del GPU.graphs[graph.handle]


@_call
def cudaGraphLaunch(graph, stream):
    GPU.launches += 1
    for item in GPU.graphs[graph.handle]:
        GPU.stream(stream.handle).add(item)
