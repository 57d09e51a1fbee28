# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A GPU that is none: memory, streams and graphs with the rules that a real one punishes.

Work on a stream is done when the stream is waited for, not before, so an answer read too early is
the old one. What on a real GPU would be undefined is a ``Misuse`` here.
"""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

DEVICE_BASE = 0x7F00_0000_0000


class Misuse(AssertionError):
    """A rule of CUDA or TensorRT was broken."""


@dataclass
class Stream:
    handle: int
    pending: list[Callable[[], None]] = field(default_factory=list)
    recording: list[Callable[[], None]] | None = None

    def add(self, work: Callable[[], None]) -> None:
        (self.pending if self.recording is None else self.recording).append(work)


class Gpu:
    """One device.

    ``fail`` maps a function's name to the error that its next calls give, by how often.
    """

    def __init__(self) -> None:
        self.name = os.environ.get("ATPN_DOUBLE_GPU", "Double GPU")
        self.count = int(os.environ.get("ATPN_DOUBLE_GPUS", "1"))
        self.memory: dict[int, bytearray] = {}
        self.pinned: dict[int, ctypes.Array[ctypes.c_char]] = {}
        self.streams: dict[int, Stream] = {}
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.fail: dict[str, tuple[int, int]] = {}
        self._lost = False
        self.launches = 0
        self.calls: list[str] = []
        self._numbers = itertools.count(1)

    @property
    def lost(self) -> bool:
        """Whether the device has fallen off the bus; a test of another process uses a file."""
        file = os.environ.get("ATPN_DOUBLE_LOST_FILE")
        return self._lost or (file is not None and Path(file).exists())

    @lost.setter
    def lost(self, lost: bool) -> None:
        self._lost = lost

    def held(self) -> int:
        """How many things were made and not given back."""
        return sum(map(len, (self.memory, self.pinned, self.streams, self.graphs)))

    def number(self) -> int:
        return next(self._numbers)

    def allocate(self, size: int) -> int:
        address = DEVICE_BASE + self.number() * 0x1_0000_0000
        self.memory[address] = bytearray(size)
        return address

    def device(self, address: int, size: int) -> memoryview:
        block = self.memory.get(address)
        if block is None:
            raise Misuse(f"no device memory at {address:#x}: never made, or freed")
        if size > len(block):
            raise Misuse(f"{size} bytes of a block of {len(block)}")
        return memoryview(block)[:size]

    def host(self, address: int, size: int) -> memoryview:
        block = self.pinned.get(address)
        if block is None:
            raise Misuse(f"host memory at {address:#x} is not pinned, or freed")
        if size > len(block):
            raise Misuse(f"{size} bytes of a pinned block of {len(block)}")
        return memoryview(block).cast("B")[:size]

    def stream(self, handle: int) -> Stream:
        if handle not in self.streams:
            raise Misuse(f"no stream {handle:#x}")
        return self.streams[handle]


GPU = Gpu()


def reset() -> Gpu:
    """As after a reboot, for the next test."""
    GPU.__init__()  # type: ignore[misc]
    return GPU
