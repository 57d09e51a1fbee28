# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Soak the real node: frames at 30 Hz with faults at random, and watch memory, threads and log.

``python test/soak.py SECONDS`` (``make soak``: ten minutes); a short form is one of the tests.
"""

from __future__ import annotations

import array
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from skimage.transform import resize

import conftest  # noqa: F401  a ROS world of its own, before any ROS import
from atpn_ros.node import ros_messages
from ros_world import OUTPUTS, SECOND, NodeProcess, Robot, header, nobody, portrait

RATE = 30
WARM_UP_S = 10.0


@dataclass(frozen=True)
class Soaked:
    """What was seen.

    Attributes:
        seconds: How long it took.
        sent: Frames, good and bad.
        answered: Answers that came.
        faults: How often each fault was injected.
        memory_growth_mb: Resident memory at the end over that after the warm-up.
        threads: Threads after the warm-up and at the end.
        publishers: Topics that the node publishes, after the warm-up and at the end.
        bad_lines: Lines of its log that no fault explains.
        exit_code: Of the node.
    """

    seconds: float
    sent: int
    answered: int
    faults: dict[str, int]
    memory_growth_mb: float
    threads: tuple[int, int]
    publishers: tuple[int, int]
    bad_lines: tuple[str, ...]
    exit_code: int


def soak(seconds: float, folder: Path, seed: int = 0, warm_up_s: float = WARM_UP_S) -> Soaked:
    """Run the node under faults for a while."""
    rng = np.random.default_rng(seed)
    robot, node = Robot(), NodeProcess(folder)
    big = (resize(portrait(), (480, 640)) * 255).astype(np.uint8)
    faults: Counter[str] = Counter()
    sent, answered, stamp = 0, 0, 1_000 * SECOND
    before: tuple[float, int, int] | None = None
    try:
        robot.wait_for_node()
        robot.calibrate()
        # OpenCV starts its worker threads with the first large image, which may come after the
        # warm-up when images are dropped: they are not a leak.
        robot.show(big, stamp)
        stamp += SECOND
        began = time.monotonic()
        next_at = began
        while (now := time.monotonic()) < began + seconds:
            if before is None and now > began + warm_up_s:
                before = _state(robot, node)
            picture = portrait() if (sent // 90) % 3 < 2 else nobody()
            message = ros_messages.image_message(picture, header(stamp))
            kind = _fault(rng, sent)
            if kind:
                faults[kind] += 1
                stamp = _inject(kind, robot, message, big, stamp)
            robot.camera.publish(message)
            sent += 1
            stamp += SECOND // RATE
            next_at = max(next_at + 1 / RATE, time.monotonic() - 1)
            robot.spin(max(0.0, next_at - time.monotonic()))
            answered += len(robot.heard["landmarks"])
            for name in (*OUTPUTS, "tf", "diagnostics"):
                robot.heard[name].clear()
        after = _state(robot, node)
        robot.show(portrait(), stamp + SECOND)  # and it still answers
    finally:
        code = node.stop()
        robot.close()
    before = before or after
    bad = [
        line for line in node.words().splitlines()
        if any(word in line for word in ("Traceback", "frame failed", "ERROR", "FATAL"))
    ]  # fmt: skip
    return Soaked(
        round(time.monotonic() - began, 1), sent, answered, dict(faults),
        round(after[0] - before[0], 1), (before[1], after[1]), (before[2], after[2]),
        tuple(bad), code,
    )  # fmt: skip


ODDS = {
    "short": 0.01, "encoding": 0.01, "empty": 0.01, "back": 0.003, "ahead": 0.003, "again": 0.01,
    "resize": 0.003, "setting": 0.005, "info": 0.005, "cycle": 0.001, "pause": 0.001,
}  # fmt: skip


def _fault(rng: np.random.Generator, sent: int) -> str:
    """Which fault this frame has: each kind once at the start, after that mostly none."""
    round_, step = divmod(sent, RATE // 3)
    if step == 0 and 1 <= round_ <= len(ODDS):
        return list(ODDS)[round_ - 1]
    pick = rng.random()
    for kind, odd in ODDS.items():
        if pick < odd:
            return kind
        pick -= odd
    return ""


def _inject(kind: str, robot: Robot, message: object, big: np.ndarray, stamp: int) -> int:
    """Spoil a message or the world around it; returns the stamp to go on from."""
    match kind:
        case "short":
            message.data = message.data[: len(message.data) // 2]
        case "encoding":
            message.encoding = "soup8"
        case "empty":
            message.data, message.width, message.height = array.array("B"), 0, 0
        case "back":
            stamp -= 5 * SECOND
            message.header = header(stamp)
        case "ahead":
            stamp += 60 * SECOND
            message.header = header(stamp)
        case "again":
            message.header = header(stamp - SECOND // RATE)
        case "resize":
            robot.camera.publish(ros_messages.image_message(big, header(stamp)))
        case "pause":
            robot.spin(3.5)
        case "setting":
            number = ParameterValue(
                type=ParameterType.PARAMETER_INTEGER, integer_value=1 + stamp % 5
            )
            parameter = Parameter(name="max_faces", value=number)
            robot.call(
                SetParameters, "set_parameters", SetParameters.Request(parameters=[parameter])
            )
        case "cycle":
            for number in (
                Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_CLEANUP,
                Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
            ):  # fmt: skip
                request = ChangeState.Request(transition=Transition(id=number))
                assert robot.call(ChangeState, "change_state", request).success
        case "info":
            k = [0.0] * 9 if stamp % 2 else [300.0, 0.0, 159.5, 0.0, 300.0, 119.5, 0.0, 0.0, 1.0]
            robot.calibrate(k=k)
    return stamp


def _state(robot: Robot, node: NodeProcess) -> tuple[float, int, int]:
    """Resident megabytes, threads and published topics of the node."""
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{node.process.pid}/status").read_text().splitlines()
        if ":" in line
    )
    topics = robot.node.get_publisher_names_and_types_by_node("face_node", "/")
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


def main() -> int:
    """Soak and tell."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    print(f"soaking the node for {seconds:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        result = soak(seconds, Path(folder))
    print(json.dumps(asdict(result), indent=2))
    wrong = verdict(result)
    print("\n".join(wrong) or "nothing wrong")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
