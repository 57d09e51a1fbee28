# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A robot around the node under test: its camera and listeners, and the node in its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.client import Client
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from atpn_ros.msg import FaceBoxArray, FaceLandmarksArray, GazeArray, HeadPoseArray, TrackingStatus
from atpn_ros.node import ros_messages

BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE)
INPUTS = ("image", "image/compressed", "camera_info")
WIDTH, HEIGHT = 320, 240  # small enough for one UDP burst, so that no frame is lost on the way
SECOND = 1_000_000_000
T0 = 1_000 * SECOND
FRAME = SECOND // 15
"""Time between two images of these tests, ns."""
OUTPUTS = {
    "boxes": FaceBoxArray,
    "landmarks": FaceLandmarksArray,
    "head_poses": HeadPoseArray,
    "gazes": GazeArray,
    "status": TrackingStatus,
}


def listen_reliably(namespace: str = "") -> list[str]:
    """Parameters with which the node hears every frame of the robot's, on a busy machine too."""
    topics = (f"{namespace}/{name}" for name in INPUTS)
    return [f"qos_overrides.{topic}.subscription.reliability:=reliable" for topic in topics]


def portrait() -> np.ndarray:
    """(240, 320, 3) BGR: a face of about 100 pixels."""
    from skimage import data

    photograph = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(photograph[0:HEIGHT, 64 : 64 + WIDTH])


def nobody() -> np.ndarray:
    """(240, 320, 3) BGR: a grey wall."""
    return np.full((HEIGHT, WIDTH, 3), 128, np.uint8)


def header(stamp_ns: int, frame_id: str = "camera_optical_frame") -> Header:
    """An image's header."""
    return Header(stamp=ros_messages.time_message(stamp_ns), frame_id=frame_id)


class Robot:
    """Publishes camera topics, keeps everything that the node says.

    Its frames arrive, unlike those of a camera: tests are about what the node does with them.
    """

    def __init__(
        self,
        compressed: bool = False,
        qos: QoSProfile = RELIABLE,
        domain: int | None = None,
        namespace: str = "",
    ) -> None:
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[], domain_id=domain)
        self.node = rclpy.create_node("robot", context=self.context, namespace=namespace)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        kind, topic = (CompressedImage, "image/compressed") if compressed else (Image, "image")
        self.camera = self.node.create_publisher(kind, topic, qos)
        self.calibration = self.node.create_publisher(CameraInfo, "camera_info", qos)
        self.heard: dict[str, list[Any]] = defaultdict(list)
        for name, kind_of in OUTPUTS.items():
            self._listen(name, kind_of, f"face_node/{name}")
        self._listen("tf", TFMessage, "/tf")
        self._listen("diagnostics", DiagnosticArray, "/diagnostics")

    def _listen(self, name: str, kind: type, topic: str) -> None:
        self.node.create_subscription(kind, topic, self.heard[name].append, 100)

    def spin(self, seconds: float) -> None:
        """Let messages come in."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.executor.spin_once(timeout_sec=left)

    def wait(self, condition: Callable[[], bool], seconds: float = 120.0) -> None:
        """Spin until something holds; fail if it does not come to hold."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"nothing came in {seconds} s; heard {self.counts()}"
            self.executor.spin_once(timeout_sec=0.05)

    def counts(self) -> dict[str, int]:
        """How many messages came on each topic."""
        return {name: len(heard) for name, heard in self.heard.items()}

    def wait_for_node(self) -> None:
        """Until the node listens to the camera and its outputs are connected here."""
        self.wait(lambda: self.camera.get_subscription_count() > 0)
        self.wait(lambda: all(map(self._is_published, OUTPUTS)))
        self.spin(0.5)

    def _is_published(self, name: str) -> bool:
        topic = self.node.resolve_topic_name(f"face_node/{name}")
        return self.node.count_publishers(topic) > 0

    def show(
        self, picture: np.ndarray, stamp_ns: int, frame_id: str = "camera_optical_frame"
    ) -> None:
        """Send one good frame and wait for its answer on every topic."""
        before = self.counts()
        self.camera.publish(ros_messages.image_message(picture, header(stamp_ns, frame_id)))
        self.wait(lambda: all(len(self.heard[n]) > before.get(n, 0) for n in OUTPUTS))

    def calibrate(self, **fields: Any) -> None:
        """Send a camera_info; fields override a plain one."""
        info = CameraInfo(width=WIDTH, height=HEIGHT, distortion_model="plumb_bob")
        info.k = [300.0, 0.0, 159.5, 0.0, 300.0, 119.5, 0.0, 0.0, 1.0]
        info.d = [0.0] * 5
        for name, value in fields.items():
            setattr(info, name, value)
        self.wait(lambda: self.calibration.get_subscription_count() > 0)
        self.calibration.publish(info)
        # Once it is there, the node takes it before any image that comes later.
        assert self.calibration.wait_for_all_acked(Duration(seconds=120))

    def diagnosis(self) -> dict[str, str]:
        """The values of a diagnostics message that is yet to come, and its summary."""
        seen = len(self.heard["diagnostics"])
        self.wait(lambda: len(self.heard["diagnostics"]) > seen)
        status = self.heard["diagnostics"][-1].status[0]
        return {v.key: v.value for v in status.values} | {"summary": status.message}

    def call(self, kind: type, service: str, request: Any) -> Any:
        """Call one of the node's services."""
        client = self.node.create_client(kind, f"face_node/{service}")
        return self.ask(client, request)

    def ask(self, client: Client, request: Any, is_over: Callable[[], bool] = lambda: False) -> Any:
        """Send a request until the service answers; returns the answer, None once ``is_over``.

        A server that has not discovered the client yet drops its answer, though the client sees the
        server: the request is sent again every ten seconds, so it may be served more than once.
        """
        self.wait(lambda: client.service_is_ready() or is_over())
        answers: list[Future] = []

        def is_answered() -> bool:
            return is_over() or any(answer.done() for answer in answers)

        while not is_answered():
            assert len(answers) < 12, f"{client.srv_name} did not answer {len(answers)} requests"
            answers.append(client.call_async(request))
            end = time.monotonic() + 10
            self.wait(lambda end=end: is_answered() or time.monotonic() >= end)
        return next((answer.result() for answer in answers if answer.done()), None)

    def close(self) -> None:
        """Leave the ROS world."""
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


class NodeProcess:
    """The real ``face_node`` in a process of its own, its log in a file."""

    def __init__(
        self,
        folder: Path,
        *parameters: str,
        arguments: Sequence[str] = (),
        namespace: str = "",
    ) -> None:
        self.log = folder / f"node{namespace.replace('/', '_')}.log"
        given = [v for p in (*listen_reliably(namespace), *parameters) for v in ("-p", p)]
        if namespace:
            given += ["-r", f"__ns:={namespace}"]
        with self.log.open("w") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "atpn_ros.node.main", "--ros-args", *given, *arguments],
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )

    def words(self) -> str:
        """The log so far."""
        return self.log.read_text()

    def stop(self) -> int:
        """Interrupt it as Ctrl-C does; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
