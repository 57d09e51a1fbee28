# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the C library's heap for a process that receives one large image after the other.

C libraries other than glibc lack these functions and are left as they are.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Names of the options in glibc's ``malloc.h``, without their prefix ``M_``."""
_LARGEST = 32 << 20
"""Bytes of the largest buffer that comes from the heap, which is the most that glibc allows."""
_KEPT = 128 << 20
"""Freed bytes at the end of the heap that are kept for later buffers."""


def keep_freed_buffers() -> None:
    """Have all threads use one heap, and freed buffers of images stay in it for the next images.

    By default glibc has a heap for each thread, each of which keeps room for as many images as its
    thread held at once, and returns most of that room to the system after each image. Getting it
    back takes milliseconds for each 1920x1080 image, see docs/bench.md. Call this before other
    threads start.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(_ARENA_MAX, 1)
        option(_MMAP_THRESHOLD, _LARGEST)
        option(_TRIM_THRESHOLD, _KEPT)


def return_freed_memory() -> None:
    """Give memory that was freed back to the system, after a pipeline was closed.

    The heap keeps freed memory for later requests, tens of megabytes after a network.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
