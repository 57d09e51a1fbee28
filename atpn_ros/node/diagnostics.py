# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From the worker's counts to what ``/diagnostics`` says: a level, a sentence and figures."""

from __future__ import annotations

import time
from collections import Counter
from copy import copy
from dataclasses import dataclass

from atpn_ros.node.frame_slot import FlowStats
from atpn_ros.node.health import ClockWatch, Facts, Level, assess
from atpn_ros.node.worker import Worker
from atpn_ros.timing import percentiles_ms


@dataclass(frozen=True, slots=True)
class GraphStatus:
    """What only ROS knows, at one moment.

    Attributes:
        topic: The image topic that is listened to, None while inactive.
        publishers: How many publishers of it are seen.
        incompatible: The QoS policy or type that keeps a publisher's images away, if any.
        twins: How many other nodes have this one's name.
        simulated: Whether the node's clock follows /clock.
        now_ns: What it says.
    """

    topic: str | None = None
    publishers: int = 0
    incompatible: str | None = None
    twins: int = 0
    simulated: bool = False
    now_ns: int = 0


class Diagnosis:
    """What is said once a period; remembers what was counted before.

    Attributes:
        engine: What the engine's loading is at, or how it ended, in words.
    """

    def __init__(self) -> None:
        self.engine = "not configured"
        self._clock = ClockWatch()
        self._before = FlowStats()
        self._since_ns = 0

    def begin(self) -> None:
        """Images are listened to from now on."""
        self._before = FlowStats()
        self._since_ns = time.monotonic_ns()

    def report(
        self, worker: Worker | None, around: GraphStatus
    ) -> tuple[Level, str, dict[str, str]]:
        """Level, summary and figures of the period since the last report."""
        stats = FlowStats() if worker is None else worker.stats
        now = copy(stats)  # the worker goes on counting
        now.refused, now.odd = stats.refused.copy(), stats.odd.copy()
        level, summary = assess(self._facts(worker, now, around))
        self._before = now
        return level, summary, self._values(worker, now)

    def _facts(self, worker: Worker | None, stats: FlowStats, around: GraphStatus) -> Facts:
        steady = time.monotonic_ns()
        clock = self._clock.problem(around.simulated, around.now_ns, steady)
        building = "" if worker is None or worker.settled else self.engine
        if worker is None or around.topic is None:
            return Facts(worker is not None, None, building=building)
        before, last, sight = self._before, stats.last_received_ns, worker.sight
        lately = stats.refused - before.refused
        return Facts(
            configured=True,
            topic=around.topic,
            silent_ns=steady - (self._since_ns if last is None else last),
            publishers=around.publishers,
            incompatible=around.incompatible,
            twins=around.twins,
            received=stats.received - before.received,
            processed=stats.processed - before.processed,
            refused=lately.total(),
            refused_reason=lately.most_common(1)[0][0] if lately else "",
            camera_problem=worker.calibration.problem,
            building=building,
            engine_problem=sight.engine.skipped_backends[-1]
            if sight and sight.engine.runtime_failures
            else "",
            clock_problem=clock,
            dropped=stats.dropped - before.dropped,
            lost=stats.lost - before.lost,
            age_ns=stats.age_ns,
            calibrated=worker.calibration.info is not None,
        )

    def _values(self, worker: Worker | None, stats: FlowStats) -> dict[str, str]:
        p50, p95, worst = percentiles_ms(stats.latency_ns, 50, 95, 100)
        sight = None if worker is None else worker.sight
        values = {
            "frames received": str(stats.received),
            "frames processed": str(stats.processed),
            "frames dropped for newer ones": str(stats.dropped),
            "frames lost on the way here": str(stats.lost),
            "frames refused": str(stats.refused_total),
            **_counted("refused", stats.refused),
            **_counted("odd", stats.odd),
            "latency p50 ms": f"{p50:.1f}",
            "latency p95 ms": f"{p95:.1f}",
            "latency max ms": f"{worst:.1f}",
            "detector runs": str(stats.detector_runs),
            "engine": self.engine if sight is None else sight.engine.report,
        }
        if worker is not None:
            values["camera_info"] = worker.calibration.status
        if sight is not None:
            named = (refusal.split(": ", 1) for refusal in sight.engine.skipped_backends)
            values |= {f"engine not used: {rung}": reason for rung, reason in named}
            values |= _counted("tracks forgotten", Counter(sight.pipeline.resets.copy()))
        return values


def _counted(what: str, counter: Counter[str]) -> dict[str, str]:
    return {f"{what}: {reason}": str(n) for reason, n in sorted(counter.items())}
