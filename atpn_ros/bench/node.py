# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures ``face_node`` over DDS: latency at fixed image rates, and the highest rate it sustains.

Follows ros2_benchmark: several runs, best and worst left out, mean of the rest. The highest rate is
found by bisection and then confirmed in as many runs.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros import resources
from atpn_ros.bench import node_process
from atpn_ros.bench.frames import frames
from atpn_ros.bench.json_subprocess import JsonSubprocess
from atpn_ros.bench.memory import Memory, memory_of
from atpn_ros.bench.timing import trimmed
from atpn_ros.types import AtpnError

RATES_HZ = (10.0, 30.0, 60.0)
ALLOWED = 0.05
"""Largest share of dropped images at the highest sustained rate."""

_LOOP = 30
_MAX_HZ = 480.0
_STEPS = 4
"""Bisections between a rate that the node sustains and one that it does not."""

SendFrames = Callable[[float, float], dict[str, Any]]
"""Sends images at a rate (Hz) for some seconds; returns the reply of ``bench_client``."""


class NodeUnavailable(AtpnError):
    """The node cannot be started; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class RateTiming:
    """Latency at one image rate, averaged over runs without the best and the worst.

    Attributes:
        rate_hz: Requested image rate.
        sent_hz: Image rate that the camera process reached.
        p50_ms, p95_ms, p99_ms: Percentiles of the latency from image stamp to landmarks received.
        dropped: Share of images without a result.
        runs: Number of runs.
    """

    rate_hz: float
    sent_hz: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    dropped: float
    runs: int


@dataclass(frozen=True, slots=True)
class NodeTiming:
    """Latency by rate, highest rate and memory of the node.

    Attributes:
        rates: One entry per fixed rate.
        highest_hz: The highest rate at which less than ``allowed`` is dropped; 0 if there is none.
        allowed: Largest share of dropped images at that rate.
        memory: Memory of the node's process at the end.
    """

    rates: tuple[RateTiming, ...]
    highest_hz: float
    allowed: float
    memory: Memory


def measure(faces: int, seconds: float, runs: int, rates: Sequence[float] = RATES_HZ) -> NodeTiming:
    """Start the node with its default settings and a camera process, and measure.

    Args:
        faces: Number of faces in view.
        seconds: Length of each run.
        runs: Runs at each rate.
        rates: Image rates, Hz.

    Raises:
        NodeUnavailable: ROS 2 is not installed, or the node did not start.
        SubprocessFailed: The camera process ended early.
    """
    if importlib.util.find_spec("rclpy") is None:
        raise NodeUnavailable("node: needs ROS 2: run make venv, or source a workspace")
    here = str(Path(__file__).resolve().parents[2])
    environment = node_process.environment()
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, (here, environment.get("PYTHONPATH", "")))
    )
    with tempfile.TemporaryDirectory(prefix="atpn-bench-") as folder:
        log, file = Path(folder, "node.log"), Path(folder, "frames.npy")
        np.save(file, frames(faces, _LOOP))
        with node_process.node(log, environment) as process:
            if process.poll() is not None:
                raise NodeUnavailable(f"node: it did not start: {node_process.last_line(log)}")
            command = [sys.executable, str(resources.script_path("bench_client")), str(file), "30"]
            with JsonSubprocess("bench_client", command, environment) as client:

                def send(rate_hz: float, length: float) -> dict[str, Any]:
                    return client.request(rate_hz=rate_hz, seconds=length)

                timings = tuple(at_rate(send, rate, seconds, runs) for rate in rates)
                highest = highest_rate(send, seconds, runs)
                return NodeTiming(timings, highest, ALLOWED, memory_of(process.pid))


def at_rate(send: SendFrames, rate_hz: float, seconds: float, runs: int) -> RateTiming:
    """Latency at one rate, from several runs."""
    replies = [send(rate_hz, seconds) for _ in range(runs)]
    shares = [np.percentile(a["latency_ms"] or [0.0], [50, 95, 99]) for a in replies]
    # The best and the worst run are chosen for each percentile separately.
    p50, p95, p99 = (float(np.mean(trimmed([float(s[i]) for s in shares]))) for i in range(3))
    return RateTiming(
        rate_hz,
        round(float(np.mean([_sent_hz(a) for a in replies])), 1),
        round(p50, 2),
        round(p95, 2),
        round(p99, 2),
        round(float(np.mean(trimmed([_dropped(a) for a in replies]))), 4),
        runs,
    )


def highest_rate(send: SendFrames, seconds: float, runs: int) -> float:
    """The highest rate, Hz, with fewer drops than allowed, as far as the camera can send."""

    def sustains(rate: float) -> bool:
        reply = send(rate, seconds)
        # A rate that the camera process did not reach says nothing about the node.
        return _dropped(reply) < ALLOWED and _sent_hz(reply) > 0.9 * rate

    low, high = 0.0, 15.0
    while high <= _MAX_HZ and sustains(high):
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if sustains(middle) else (low, middle)
    while low >= 1:
        if float(np.mean(trimmed([_dropped(send(low, seconds)) for _ in range(runs)]))) < ALLOWED:
            return round(low, 1)
        low *= 0.85
    return 0.0


def _dropped(reply: dict[str, Any]) -> float:
    return 1 - len(reply["latency_ms"]) / max(1, int(reply["sent"]))


def _sent_hz(reply: dict[str, Any]) -> float:
    return max(0, int(reply["sent"]) - 1) / max(1e-9, float(reply["seconds"]))
