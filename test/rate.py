# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node does and costs at 30 Hz with one face, by image size and transport.

``python test/rate.py SECONDS RUNS`` (``make rate``: three runs of half a minute) prints a table of
640x480, 1280x720 and 1920x1080, raw and compressed, and then of 640x480 with the network switched
off. Over real DDS, best effort and with the Fast DDS profile in both processes, as the launch files
start them. Without the network a stand-in finds nobody, so what is left is ROS, decoding and empty
answers.
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
SIZES = ((640, 480), (1280, 720), (1920, 1080))
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
    def latency_ns(self, height, width): return 0
    def close(self): pass

def load(settings, control):
    return LoadedPipeline(FacePipeline(Nobody(), Nobody(), settings.pipeline_settings()), Nobody())

atpn_ros.node.face_node.load_pipeline = load
from atpn_ros.node.main import main
sys.exit(main())
"""


def picture(width: int, height: int) -> np.ndarray:
    """(height, width, 3) BGR: a portrait in the public domain, the face a fifth of the width."""
    from skimage import data

    photograph = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    return cv2.resize(photograph[0 : 512 * height // width, 0:512], (width, height))


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Processor time that a process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(
    program: str, size: tuple[int, int], compressed: bool, seconds: float, folder: Path
) -> dict[str, float]:
    """One run: shares, latencies in ms, and the share of one core that the node used."""
    transport = "compressed" if compressed else "raw"
    words = ["--ros-args", "-p", f"image_transport:={transport}"]
    with (folder / "node.log").open("w") as log:
        node = subprocess.Popen(
            [sys.executable, "-c", program, *words], env=WORLD, stdout=log, stderr=log
        )
    robot = Robot(compressed, qos=qos_profile_sensor_data)
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
        make = ros_messages.compressed_message if compressed else ros_messages.image_message
        message, sent = make(picture(*size), header(0)), []
        warm_up = 2 * RATE
        before, at = 0.0, time.monotonic()
        for n in range(warm_up + round(seconds * RATE)):
            robot.spin(max(0.0, at + n / RATE - time.monotonic()))
            if n == warm_up:
                before, began = cpu_s(node), time.monotonic()
            stamp = time.time_ns()
            message.header = header(stamp)
            robot.camera.publish(message)
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
    print(f"{RATE} Hz, {seconds:.0f} s, medians of {runs} runs, {os.cpu_count()} cores, load "
          f"{os.getloadavg()[0]:.1f}; latency from the image's stamp\n", flush=True)  # fmt: skip
    cases = [(NODE, size, compressed) for compressed in (False, True) for size in SIZES]
    with tempfile.TemporaryDirectory() as folder:
        for n, (program, size, compressed) in enumerate([*cases, (BLIND, SIZES[0], False)]):
            every = [run(program, size, compressed, seconds, Path(folder)) for _ in range(runs)]
            if n == 0:
                print("| images | " + " | ".join(every[0]) + " |")
                print("|---" * (1 + len(every[0])) + "|")
            name = f"{size[0]}x{size[1]} {'compressed' if compressed else 'raw'}"
            name += ", without the network" if program is BLIND else ""
            figures = [float(np.nanmedian([one[k] for one in every])) for k in every[0]]
            print(f"| {name} | " + " | ".join(f"{v:.1f}" for v in figures) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
