# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Memory of large images is returned to the system when they are freed."""

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

_KEPT = """
import sys
import numpy as np
from atpn_ros.node import heap

def own_kb():
    status = open("/proc/self/status").read()
    return int(status.split("RssAnon:")[1].split()[0])

if sys.argv[1] == "mapped":
    heap.map_large_buffers()
np.ones(30_000_000, np.uint8)  # freed at once: raises glibc's threshold
before = own_kb()
images = [np.ones(6_000_000, np.uint8) for _ in range(20)]
last = np.ones(500_000, np.uint8)  # behind them, so that the heap cannot shrink
del images
print(own_kb() - before)
if sys.argv[1] == "returned":
    heap.return_freed_memory()
    print(own_kb() - before)
"""


def kept(how: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", _KEPT, how], capture_output=True, text=True,
                          check=True)  # fmt: skip
    return [int(line) for line in done.stdout.split()]


def test_freed_images_leave_no_room_in_the_heap() -> None:
    assert kept("mapped")[0] < 5_000
    assert kept("as it is")[0] > 50_000, "without the setting the test shows nothing"


def test_freed_memory_is_returned_on_request() -> None:
    before, after = kept("returned")
    assert before > 50_000
    assert after < 5_000
