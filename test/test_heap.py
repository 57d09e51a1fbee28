# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Buffers of images are used again by all threads, and freed memory is returned on request."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

_PROCESS = """
import resource, sys, threading
import numpy as np
from atpn_ros.node import heap

def own_kb():
    status = open("/proc/self/status").read()
    return int(status.split("RssAnon:")[1].split()[0])

def page_faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def hold_images():
    [np.ones(6_000_000, np.uint8) for _ in range(5)]

def in_thread():
    thread = threading.Thread(target=hold_images)
    thread.start()
    thread.join()

if sys.argv[1] == "kept":
    heap.keep_freed_buffers()
"""

_AGAIN = """
hold_images()
in_thread()
memory, faults = own_kb(), page_faults()
for _ in range(10):
    hold_images()
    in_thread()
print(own_kb() - memory, page_faults() - faults)
"""

_RETURNED = """
before = own_kb()
images = [np.ones(6_000_000, np.uint8) for _ in range(20)]
last = np.ones(500_000, np.uint8)  # behind them, so that the heap does not shrink by itself
del images
print(own_kb() - before)
heap.return_freed_memory()
print(own_kb() - before)
"""


def measured(code: str, how: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", _PROCESS + code, how], capture_output=True,
                          text=True, check=True)  # fmt: skip
    return [int(word) for word in done.stdout.split()]


def test_images_use_the_memory_of_earlier_ones_in_every_thread() -> None:
    growth_kb, faults = measured(_AGAIN, "kept")
    assert growth_kb < 1_000
    assert faults < 1_000
    _, faults = measured(_AGAIN, "as it is")
    assert faults > 10_000, "without the setting the test shows nothing"


def test_freed_memory_is_returned_on_request() -> None:
    before, after = measured(_RETURNED, "kept")
    assert before > 50_000
    assert after < 5_000
