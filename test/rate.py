# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node does and costs at 30 Hz, 640x480, with one face; beside itself without the network.

``python test/rate.py SECONDS RUNS`` (``make rate``: three runs of a minute). Over real DDS, best
effort and with the Fast DDS profile, as the launch files start it. A stand-in takes the place of
what looks at the frames for the second half: it finds nobody, so what is left is ROS, decoding and
empty answers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

import conftest  # noqa: F401  a ROS world of its own, before any ROS import
from atpn_ros.bench import node_process

# The processes meet as the launch files have them, not over the tests' UDP.
os.environ.pop("FASTDDS_BUILTIN_TRANSPORTS", None)
WORLD = node_process.environment()
os.environ.update(WORLD)

from rclpy.qos import qos_profile_sensor_data

from atpn_ros.conversions import messages
from atpn_ros.node import ros_messages
from ros_world import OUTPUTS, Robot, header

RATE = 30
WIDTH, HEIGHT = 640, 480
NODE = "import sys; from atpn_ros.node.main import main; sys.exit(main())"
BLIND = """
import sys
import atpn_ros.node.face_node
from atpn_ros.runtime import LoadedPipeline
from atpn_ros.pipeline.pipeline import FacePipeline

class Nobody:
    name = report = "switched off"
    skipped_backends, runtime_failures = (), 0
    def detect(self, image): return []
    def close(self): pass

def load(settings, control):
    return LoadedPipeline(FacePipeline(Nobody(), Nobody(), settings.pipeline_settings()), Nobody())

atpn_ros.node.face_node.load_pipeline = load
from atpn_ros.node.main import main
sys.exit(main())
"""


def picture() -> np.ndarray:
    """(480, 640, 3) BGR: a portrait in the public domain, the face about 130 pixels wide."""
    from skimage import data

    photograph = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    return cv2.resize(photograph[0:384, 0:512], (WIDTH, HEIGHT))


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(program: str, seconds: float, folder: Path) -> dict[str, float]:
    """One run: shares, latencies in ms, and the share of one core that the node used."""
    with (folder / "node.log").open("w") as log:
        node = subprocess.Popen([sys.executable, "-c", program], env=WORLD, stdout=log, stderr=log)
    robot = Robot(qos=qos_profile_sensor_data)
    arrived: dict[int, int] = {}
    known: dict[int, int] = {}
    robot.node.create_subscription(
        OUTPUTS["landmarks"], "face_node/landmarks",
        lambda m: arrived.setdefault(messages.stamp_ns(m.header.stamp), time.time_ns()), 100,
    )  # fmt: skip
    robot.node.create_subscription(
        OUTPUTS["status"], "face_node/status",
        lambda m: known.setdefault(
            messages.stamp_ns(m.header.stamp), messages.stamp_ns(m.finished)
        ), 100,
    )  # fmt: skip
    try:
        robot.wait_for_node()
        shown, sent = picture(), []
        warm_up = 2 * RATE
        before, at = 0.0, time.monotonic()
        for n in range(warm_up + round(seconds * RATE)):
            robot.spin(max(0.0, at + n / RATE - time.monotonic()))
            if n == warm_up:
                before, began = cpu_s(node), time.monotonic()
            stamp = time.time_ns()
            robot.camera.publish(ros_messages.image_message(shown, header(stamp)))
            if n >= warm_up:
                sent.append(stamp)
        robot.spin(1.0)
        used = (cpu_s(node) - before) / (time.monotonic() - began)
    finally:
        node.send_signal(2)
        node.wait(60)
        robot.close()
    to_known = [(known[s] - s) / 1e6 for s in sent if s in known] or [float("nan")]
    to_here = [(arrived[s] - s) / 1e6 for s in sent if s in arrived] or [float("nan")]
    return {
        "processed %": 100 * len(set(sent) & known.keys()) / len(sent),
        "known p50 ms": float(np.percentile(to_known, 50)),
        "known p95 ms": float(np.percentile(to_known, 95)),
        "received p50 ms": float(np.percentile(to_here, 50)),
        "received p95 ms": float(np.percentile(to_here, 95)),
        "CPU % of a core": 100 * used,
    }


def main() -> int:
    """Measure and print."""
    seconds, runs = float(sys.argv[1]), int(sys.argv[2])
    print(f"{RATE} Hz {WIDTH}x{HEIGHT}, {seconds:.0f} s, {runs} runs, {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}; latency from the image's stamp", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name, program in (("with the network", NODE), ("switched off", BLIND)):
            for n in range(runs):
                figures = run(program, seconds, Path(folder))
                print(f"{name}, run {n + 1}: "
                      + ", ".join(f"{k} {v:.1f}" for k, v in figures.items()),
                      flush=True)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
