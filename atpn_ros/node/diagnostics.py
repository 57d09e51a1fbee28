# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Collects the level, message and values that the node publishes on ``/diagnostics``."""

from __future__ import annotations

import time
from collections import Counter
from copy import copy
from dataclasses import dataclass

from atpn_ros.node.frame_slot import FlowStats
from atpn_ros.node.health import ClockWatch, Level, NodeStatus, assess
from atpn_ros.node.worker import Worker
from atpn_ros.pipeline.frame_clock import STAMP_PROBLEMS
from atpn_ros.runtime import LoadedPipeline
from atpn_ros.timing import percentiles_ms


@dataclass(frozen=True, slots=True)
class GraphStatus:
    """Status of the ROS graph and of the node's clock.

    Attributes:
        topic: The subscribed image topic, None while inactive.
        idle: Whether images are not received because no output has subscribers.
        publishers: Number of publishers of the topic.
        incompatible: The QoS policy or type by which a publisher does not match, if any.
        other_transport: The value of image_transport whose topic has a publisher, if the
            subscribed one has none.
        duplicate_nodes: Number of other nodes with the same name.
        simulated: Whether the node's clock follows /clock.
        now_ns: Time of the node's clock.
        looking_target: The frame that people may look at; empty: the camera.
        target_problem: Why its position is unknown, if so.
    """

    topic: str | None = None
    idle: bool = False
    publishers: int = 0
    incompatible: str | None = None
    other_transport: str = ""
    duplicate_nodes: int = 0
    simulated: bool = False
    now_ns: int = 0
    looking_target: str = ""
    target_problem: str = ""


class Diagnostics:
    """Level, message and values once a period; keeps the counters of the period before.

    Attributes:
        engine: Progress or result of loading the engine, for people.
        status: The status that the last report was made from.
    """

    def __init__(self) -> None:
        self.engine = "not configured"
        self.status = NodeStatus(False, None)
        self._clock = ClockWatch()
        self._before = FlowStats()
        self._since_ns = 0

    def begin(self) -> None:
        """Start a new count when the node is activated."""
        self._before = FlowStats()
        self._since_ns = time.monotonic_ns()

    def resume(self) -> None:
        """Measure the time without images from now on: none were subscribed to before."""
        self._since_ns = time.monotonic_ns()

    def report(
        self, worker: Worker | None, graph: GraphStatus
    ) -> tuple[Level, str, dict[str, str]]:
        """Level, message and values of the period since the last report."""
        stats = FlowStats() if worker is None else worker.stats
        now = copy(stats)  # the worker continues counting
        now.refused, now.odd = stats.refused.copy(), stats.odd.copy()
        self.status = self._node_status(worker, now, graph)
        level, summary = assess(self.status)
        self._before = now
        return level, summary, self._values(worker, now)

    def _node_status(
        self, worker: Worker | None, stats: FlowStats, graph: GraphStatus
    ) -> NodeStatus:
        steady = time.monotonic_ns()
        clock = self._clock.problem(graph.simulated, graph.now_ns, steady)
        building = "" if worker is None or worker.engine_thread.settled else self.engine
        if worker is None or graph.topic is None:
            return NodeStatus(worker is not None, None, building=building)
        before, last = self._before, stats.last_received_ns
        loaded = worker.engine_thread.value
        recent = stats.refused - before.refused
        stamps = Counter({k: n for k, n in (stats.odd - before.odd).items() if k in STAMP_PROBLEMS})
        return NodeStatus(
            configured=True,
            topic=graph.topic,
            idle=graph.idle,
            silent_ns=steady - max(self._since_ns, last or 0),
            publishers=graph.publishers,
            other_transport=graph.other_transport,
            incompatible=graph.incompatible,
            duplicate_nodes=graph.duplicate_nodes,
            received=stats.received - before.received,
            total=stats.received,
            processed=stats.processed - before.processed,
            refused=recent.total(),
            refused_reason=recent.most_common(1)[0][0] if recent else "",
            camera_problem=worker.calibration.problem,
            building=building,
            engine_problem=_runtime_failure(loaded),
            clock_problem=clock,
            dropped=stats.dropped - before.dropped,
            lost=stats.lost - before.lost,
            untracked=stats.untracked,
            age_ns=stats.age_ns,
            depth_image=stats.depth.note
            if stats.depth.may_be_depth and stats.with_faces == before.with_faces
            else "",
            odd_stamps=stamps.total(),
            odd_stamp=stamps.most_common(1)[0][0] if stamps else "",
            calibrated=worker.calibration.info is not None,
            looking_target=graph.looking_target,
            target_problem=graph.target_problem,
        )

    def _values(self, worker: Worker | None, stats: FlowStats) -> dict[str, str]:
        p50, p95, worst = percentiles_ms(stats.latency_ns, 50, 95, 100)
        loaded = None if worker is None else worker.engine_thread.value
        values = {
            "frames received": str(stats.received),
            "frames processed": str(stats.processed),
            "frames dropped for newer ones": str(stats.dropped),
            "frames lost in transport": str(stats.lost),
            "frames published but not received": str(stats.missed),
            "frames refused": str(stats.refused_total),
            **_counted("refused", stats.refused),
            **_counted("odd", stats.odd),
            **({"pixels": stats.depth.note} if stats.depth.note else {}),
            "frames with faces": str(stats.with_faces),
            "faces beyond max_faces": str(stats.untracked),
            "latency p50 ms": f"{p50:.1f}",
            "latency p95 ms": f"{p95:.1f}",
            "latency max ms": f"{worst:.1f}",
            "detector runs": str(stats.detector_runs),
            "engine": self.engine if loaded is None else loaded.engine.report,
        }
        if worker is not None:
            values["camera_info"] = worker.calibration.status
        if loaded is not None:
            skipped = (line.split(": ", 1) for line in loaded.engine.skipped_backends)
            values |= {f"engine not used: {backend}": reason for backend, reason in skipped}
            values |= _counted("tracks dropped", Counter(loaded.pipeline.resets.copy()))
        return values


def _runtime_failure(loaded: LoadedPipeline | None) -> str:
    if loaded is None or not loaded.engine.runtime_failures:
        return ""
    return loaded.engine.skipped_backends[-1]


def _counted(what: str, counter: Counter[str]) -> dict[str, str]:
    return {f"{what}: {reason}": str(n) for reason, n in sorted(counter.items())}
