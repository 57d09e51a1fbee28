# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of the C library's heap, so that the node's memory does not grow with its images.

C libraries other than glibc lack these functions and are left as they are.
"""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD = -3
"""``M_MMAP_THRESHOLD`` of glibc's ``malloc.h``."""
_LARGE = 1 << 20
"""Buffers from this many bytes on are mapped one by one: images larger than 640x480."""


def map_large_buffers() -> None:
    """Have each large buffer returned to the system when it is freed.

    By default glibc raises its threshold to the size of the first large buffer that is freed, up to
    32 MB. Images then come from the heap, which keeps room for as many of them as have waited at
    once, and for the gaps between them.
    """
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is not None:
        option(_MMAP_THRESHOLD, _LARGE)


def return_freed_memory() -> None:
    """Give memory that was freed back to the system, after a pipeline was closed.

    The heap keeps freed memory for later requests, tens of megabytes after a network.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
