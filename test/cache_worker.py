# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A process that uses the engine cache: ``cache_worker.py FOLDER once|forever LOG``."""

import sys
import time
from pathlib import Path

from atpn_ros.engines.cache import EngineCache, EngineKey


def key(number: int) -> EngineKey:
    return EngineKey(f"{number:064x}", "10.3.0", "Double GPU", "8.7", "auto", 4)


def plan(number: int) -> bytes:
    return bytes([number % 256]) * (200_000 + number)


if __name__ == "__main__":
    folder, mode, log = sys.argv[1:]
    cache = EngineCache(Path(folder))

    def build(number: int) -> bytes:
        with Path(log).open("a") as file:
            file.write(f"{number}\n")
        time.sleep(0.3 if mode == "once" else 0.0)
        return plan(number)

    print("ready", flush=True)
    if mode == "once":
        sys.stdin.read()  # until all are there
        assert cache.get_or_build(key(0), lambda: build(0)).plan == plan(0)
    else:
        for n in range(10**6):
            assert cache.get_or_build(key(n % 5), lambda n=n: build(n % 5)).plan == plan(n % 5)
            if n % 3 == 2:
                cache.remove(key((n * 7) % 5))
