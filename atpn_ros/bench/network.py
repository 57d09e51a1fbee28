# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures the time of the network alone, by batch size and number of threads."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from atpn_ros.engines import Engine
from atpn_ros.engines.compare import sample_crops

BATCHES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class NetworkTiming:
    """Times of network calls with one batch size and thread count, milliseconds.

    Attributes:
        threads: CPU threads of the network.
        batch: Faces in one call.
        call_p50: Median time of a call.
        call_p99: 99th percentile of a call.
        call_best: The fastest call, the one least disturbed by other processes.
        face: The fastest call divided by the batch size.
        calls: Number of calls measured.
        call_cpu: Median CPU time of this process per call; excludes time on a GPU.
    """

    threads: int
    batch: int
    call_p50: float
    call_p99: float
    call_best: float
    face: float
    calls: int
    call_cpu: float = 0.0


def measure(
    engine: Engine, threads: int, batches: tuple[int, ...], seconds: float
) -> list[NetworkTiming]:
    """Time calls of all batch sizes in turns, so that other load affects all of them alike."""
    crops = sample_crops(max(batches))
    times: dict[int, list[float]] = {n: [] for n in batches}
    cpu: dict[int, list[float]] = {n: [] for n in batches}
    for n in batches:
        for _ in range(3):
            engine.run(crops[:n])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[batches[-1]]) < 5:
        for n in batches:
            cpu_began, began = time.process_time_ns(), time.perf_counter()
            engine.run(crops[:n])
            times[n].append(1e3 * (time.perf_counter() - began))
            cpu[n].append((time.process_time_ns() - cpu_began) / 1e6)
    timings = []
    for n in batches:
        p50, p99, best = (float(v) for v in np.percentile(times[n], [50, 99, 0]))
        p50, p99, best, face = (round(v, 3) for v in (p50, p99, best, best / n))
        spent = round(float(np.median(cpu[n])), 3)
        timings.append(NetworkTiming(threads, n, p50, p99, best, face, len(times[n]), spent))
    return timings


def batch_gain(timings: list[NetworkTiming], threads: int) -> float | None:
    """Time of a batch of four divided by that of four single calls; None if not measured.

    Uses the fastest calls, since on a busy machine long calls are interrupted more often.

    >>> one = NetworkTiming(1, 1, 2.1, 3.0, 2.0, 2.0, 9)
    >>> batch_gain([one, NetworkTiming(1, 4, 6.1, 9.0, 6.0, 1.5, 9)], 1)
    0.75
    """
    face = {f.batch: f.face for f in timings if f.threads == threads}
    return round(face[4] / face[1], 3) if 1 in face and 4 in face else None
