# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Soak the real node: frames with faults at random, and watch memory, threads and log.

``python test/soak.py SECONDS [WIDTHxHEIGHT CAMERAS RATE]`` (``make soak``: ten minutes of one
camera at 320x240 and 30 Hz, then of two at 1920x1080 and 15 Hz); a short form is one of the tests.
Each camera has a node of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

import conftest  # noqa: F401  a ROS world of its own, before any ROS import
from atpn_ros.node import ros_messages
from ros_world import HEIGHT, OUTPUTS, SECOND, WIDTH, NodeProcess, Robot, header, nobody, portrait
from soak_faults import RATE, fault, inject

WARM_UP_S = 10.0


@dataclass(frozen=True)
class Plan:
    """What the cameras send.

    Attributes:
        seconds: How long.
        size: Width and height of the images; of 4:3 or 16:9, so that faces keep their shape.
        cameras: How many, each with a node of its own.
        rate: Images per second of each.
        warm_up_s: Seconds before memory and threads are counted for the first time.
        seed: Of the faults.
    """

    seconds: float
    size: tuple[int, int] = (WIDTH, HEIGHT)
    cameras: int = 1
    rate: float = RATE
    warm_up_s: float = WARM_UP_S
    seed: int = 0


@dataclass(frozen=True)
class Soaked:
    """What was seen of one node.

    Attributes:
        sent: Frames, good and bad.
        answered: Answers that came.
        faults: How often each fault was injected.
        memory_growth_mb: Resident memory at the end over that after the warm-up.
        threads: Threads after the warm-up and at the end.
        publishers: Topics that the node publishes, after the warm-up and at the end.
        bad_lines: Lines of its log that no fault explains.
        exit_code: Of the node.
    """

    sent: int
    answered: int
    faults: dict[str, int]
    memory_growth_mb: float
    threads: tuple[int, int]
    publishers: tuple[int, int]
    bad_lines: tuple[str, ...]
    exit_code: int


class _Soaking:
    """One camera and its node."""

    def __init__(self, folder: Path, plan: Plan, number: int) -> None:
        self._namespace = f"/camera{number}" if plan.cameras > 1 else ""
        self._plan = plan
        self._rng = np.random.default_rng((plan.seed, number))
        self._node = NodeProcess(folder, namespace=self._namespace)
        self._robot = Robot(namespace=self._namespace)
        self._pictures = [_scaled(p, plan.size) for p in (portrait(), nobody())]
        other = (640, 480) if plan.size != (640, 480) else (WIDTH, HEIGHT)
        self._other_size = _scaled(portrait(), other)
        self._faults: Counter[str] = Counter()
        self._sent, self._answered, self._stamp = 0, 0, 1_000 * SECOND
        self._before: tuple[float, int, int] | None = None
        self._after: tuple[float, int, int] | None = None
        self._exit_code = -1

    def start(self) -> None:
        """Wait until the node answers."""
        self._robot.wait_for_node()
        self._robot.calibrate()
        # OpenCV starts its worker threads with the first large image, which may come after the
        # warm-up when images are dropped: they are not a leak.
        for picture in (self._other_size, self._pictures[0]):
            self._robot.show(picture, self._stamp)
            self._stamp += SECOND

    def send(self) -> None:
        """The next frame, spoilt at times."""
        picture = self._pictures[0 if (self._sent // 90) % 3 < 2 else 1]
        message = ros_messages.image_message(picture, header(self._stamp))
        kind = fault(self._rng, self._sent)
        if kind:
            self._faults[kind] += 1
            self._stamp = inject(kind, self._robot, message, self._other_size, self._stamp)
        self._robot.camera.publish(message)
        self._sent += 1
        self._stamp += round(SECOND / self._plan.rate)

    def listen(self, seconds: float) -> None:
        """Count the answers that come."""
        heard = self._robot.heard
        self._robot.spin(seconds)
        self._answered += len(heard["landmarks"])
        for name in (*OUTPUTS, "tf", "diagnostics"):
            heard[name].clear()

    def note(self) -> None:
        """Measure the node for the first time, or for the last."""
        state = _state(self._robot, self._node, self._namespace)
        if self._before is None:
            self._before = state
        self._after = state

    def check_alive(self) -> None:
        """Wait for one more answer."""
        self._robot.show(self._pictures[0], self._stamp + SECOND)

    def stop(self) -> None:
        """End both."""
        self._exit_code = self._node.stop()
        self._robot.close()

    def result(self) -> Soaked:
        """What was seen; call it after :meth:`stop`."""
        assert self._before is not None
        assert self._after is not None
        bad = [
            line for line in self._node.words().splitlines()
            if any(word in line for word in ("Traceback", "frame failed", "ERROR", "FATAL"))
        ]  # fmt: skip
        (memory, threads, topics), (memory_now, threads_now, topics_now) = self._before, self._after
        return Soaked(
            self._sent, self._answered, dict(self._faults), round(memory_now - memory, 1),
            (threads, threads_now), (topics, topics_now), tuple(bad), self._exit_code,
        )  # fmt: skip


def _scaled(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A 4:3 picture in the middle of one of a size, whose sides repeat its edges."""
    width, height = size
    inner = cv2.resize(picture, (height * 4 // 3, height))
    left = (width - inner.shape[1]) // 2
    right = width - inner.shape[1] - left
    return np.ascontiguousarray(cv2.copyMakeBorder(inner, 0, 0, left, right, cv2.BORDER_REPLICATE))


def soak(plan: Plan, folder: Path) -> list[Soaked]:
    """Run a node for each camera under faults for a while."""
    pairs = [_Soaking(folder, plan, i) for i in range(plan.cameras)]
    try:
        for pair in pairs:
            pair.start()
        began = next_at = time.monotonic()
        warm = False
        while (now := time.monotonic()) < began + plan.seconds:
            if not warm and now > began + plan.warm_up_s:
                warm = True
                for pair in pairs:
                    pair.note()
            for pair in pairs:
                pair.send()
            next_at = max(next_at + 1 / plan.rate, time.monotonic() - 1)
            for pair in pairs:
                pair.listen(max(0.0, next_at - time.monotonic()) / len(pairs))
        for pair in pairs:
            pair.note()
            pair.check_alive()
    finally:
        for pair in pairs:
            pair.stop()
    return [pair.result() for pair in pairs]


def _state(robot: Robot, node: NodeProcess, namespace: str) -> tuple[float, int, int]:
    """Resident megabytes, threads and published topics of the node."""
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{node.process.pid}/status").read_text().splitlines()
        if ":" in line
    )
    topics = robot.node.get_publisher_names_and_types_by_node("face_node", namespace or "/")
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), len(topics)


def verdict(result: Soaked, memory_mb: float = 20.0, answered: float = 0.5) -> list[str]:
    """What is wrong with a soak; empty when nothing is.

    Args:
        result: What was seen.
        memory_mb: Growth that is allowed.
        answered: Share of the frames that must have been answered.
    """
    wrong = [f"log: {line}" for line in result.bad_lines]
    if result.exit_code:
        wrong.append(f"exit code {result.exit_code}")
    if result.memory_growth_mb > memory_mb:
        wrong.append(f"memory grew by {result.memory_growth_mb} MB")
    if result.threads[1] > result.threads[0]:
        wrong.append(f"threads grew from {result.threads[0]} to {result.threads[1]}")
    if result.publishers[1] != result.publishers[0]:
        wrong.append(f"published topics went from {result.publishers[0]} to {result.publishers[1]}")
    if result.answered < answered * result.sent:
        wrong.append(f"only {result.answered} of {result.sent} frames were answered")
    return wrong


def _plan(arguments: list[str]) -> Plan:
    seconds = float(arguments[0]) if arguments else 600.0
    if len(arguments) < 4:
        return Plan(seconds)
    width, height = (int(v) for v in arguments[1].split("x"))
    return Plan(seconds, (width, height), int(arguments[2]), float(arguments[3]))


def main() -> int:
    """Soak and tell."""
    plan = _plan(sys.argv[1:])
    width, height = plan.size
    print(f"soaking {plan.cameras} nodes for {plan.seconds:.0f} s with {width}x{height} at "
          f"{plan.rate:.0f} Hz each", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        results = soak(plan, Path(folder))
    print(json.dumps([asdict(result) for result in results], indent=2))
    wrong = [line for result in results for line in verdict(result)]
    print("\n".join(wrong) or "nothing wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
