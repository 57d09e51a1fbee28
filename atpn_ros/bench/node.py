# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node in its own process, over DDS: latency by rate, and the highest rate that it follows.

After ros2_benchmark's method: several runs, the best and the worst left out, the mean of the rest;
the highest rate is searched for first and then held in as many runs.
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
from atpn_ros.bench.json_subprocess import LineProcess
from atpn_ros.bench.memory import Memory, memory_of
from atpn_ros.bench.timing import trimmed
from atpn_ros.types import AtpnError

RATES_HZ = (10.0, 30.0, 60.0)
ALLOWED = 0.05
"""Share of images that may go unanswered at the highest rate."""

_LOOP = 30
_MOST_HZ = 480.0
_STEPS = 4
"""Of halving between a rate that holds and one that does not."""

Show = Callable[[float, float], dict[str, Any]]
"""Images at a rate for some seconds; what ``bench_client`` answers."""


class NoNode(AtpnError):
    """The node cannot be started here; says why."""


@dataclass(frozen=True, slots=True)
class RateFigure:
    """At one rate, over the runs that count.

    Attributes:
        rate_hz: That was meant.
        sent_hz: That the camera reached.
        p50_ms, p95_ms, p99_ms: From image stamp to landmarks received; means over runs.
        dropped: Share of images without an answer; mean over runs.
        runs: That were made; the best and the worst do not count.
    """

    rate_hz: float
    sent_hz: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    dropped: float
    runs: int


@dataclass(frozen=True, slots=True)
class Figure:
    """What the node can do.

    Attributes:
        rates: At fixed rates.
        highest_hz: The highest rate with fewer drops than ``allowed``; 0 if there is none.
        allowed: That share.
        memory: Of the node's process, at the end.
    """

    rates: tuple[RateFigure, ...]
    highest_hz: float
    allowed: float
    memory: Memory


def measure(faces: int, seconds: float, runs: int, rates: Sequence[float] = RATES_HZ) -> Figure:
    """Start the node as shipped and a camera, and measure.

    Args:
        faces: In view.
        seconds: Of each run.
        runs: At each rate.
        rates: Hz.

    Raises:
        NoNode: There is no ROS, or the node did not come up.
        Died: The camera's process ended early.
    """
    if importlib.util.find_spec("rclpy") is None:
        raise NoNode("node: needs ROS 2: make venv, or source a workspace")
    here = str(Path(__file__).resolve().parents[2])
    world = node_process.environment()
    world["PYTHONPATH"] = os.pathsep.join(filter(None, (here, world.get("PYTHONPATH", ""))))
    with tempfile.TemporaryDirectory(prefix="atpn-bench-") as folder:
        log, file = Path(folder, "node.log"), Path(folder, "frames.npy")
        np.save(file, frames(faces, _LOOP))
        with node_process.node(log, world) as process:
            if process.poll() is not None:
                raise NoNode(f"node: it did not start: {node_process.last_words(log)}")
            command = [sys.executable, str(resources.script_path("bench_client")), str(file), "30"]
            with LineProcess("bench_client", command, world) as client:

                def show(rate_hz: float, length: float) -> dict[str, Any]:
                    return client.ask(rate_hz=rate_hz, seconds=length)

                held = tuple(at_rate(show, rate, seconds, runs) for rate in rates)
                highest = highest_rate(show, seconds, runs)
                return Figure(held, highest, ALLOWED, memory_of(process.pid))


def at_rate(show: Show, rate_hz: float, seconds: float, runs: int) -> RateFigure:
    """Several runs at one rate."""
    answers = [show(rate_hz, seconds) for _ in range(runs)]
    shares = [np.percentile(a["latency_ms"] or [0.0], [50, 95, 99]) for a in answers]
    # Best and worst by each figure of its own.
    p50, p95, p99 = (float(np.mean(trimmed([float(s[i]) for s in shares]))) for i in range(3))
    return RateFigure(
        rate_hz,
        round(float(np.mean([_sent_hz(a) for a in answers])), 1),
        round(p50, 2),
        round(p95, 2),
        round(p99, 2),
        round(float(np.mean(trimmed([_dropped(a) for a in answers]))), 4),
        runs,
    )


def highest_rate(show: Show, seconds: float, runs: int) -> float:
    """The highest rate, Hz, with fewer drops than allowed; a camera that is too slow ends it."""

    def holds(rate: float) -> bool:
        answer = show(rate, seconds)
        # What the camera cannot send was not asked of the node.
        return _dropped(answer) < ALLOWED and _sent_hz(answer) > 0.9 * rate

    low, high = 0.0, 15.0
    while high <= _MOST_HZ and holds(high):
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    while low >= 1:
        if float(np.mean(trimmed([_dropped(show(low, seconds)) for _ in range(runs)]))) < ALLOWED:
            return round(low, 1)
        low *= 0.85
    return 0.0


def _dropped(answer: dict[str, Any]) -> float:
    return 1 - len(answer["latency_ms"]) / max(1, int(answer["sent"]))


def _sent_hz(answer: dict[str, Any]) -> float:
    return max(0, int(answer["sent"]) - 1) / max(1e-9, float(answer["seconds"]))
