# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The nodes in examples/ run and do what they say, over real DDS."""

from __future__ import annotations

import importlib.util
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from geometry_msgs.msg import Twist
from rcl_interfaces.srv import ListParameters
from sensor_msgs.msg import Image

from atpn_ros.msg import FaceBox, FaceBoxArray, Gaze, GazeArray
from atpn_ros.node import ros_messages
from ros_world import SECOND, Robot, header, nobody

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

if not EXAMPLES.is_dir():
    pytest.skip("not in a source checkout", allow_module_level=True)

HAS_CV_BRIDGE = importlib.util.find_spec("cv_bridge") is not None
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
CV_BRIDGE = """
import numpy as np
from atpn_ros.conversions import messages
from atpn_ros.node import ros_messages
from std_msgs.msg import Header

class CvBridge:
    def imgmsg_to_cv2(self, message, encoding):
        assert encoding == "bgr8"
        return messages.open_image(message)

    def cv2_to_imgmsg(self, picture, encoding):
        assert encoding == "bgr8"
        return ros_messages.image_message(picture, Header())
"""
"""Stands in for cv_bridge, which comes with ROS distributions, not as a wheel."""


@pytest.fixture
def doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a double of cv_bridge, where the real one is not installed."""
    if not HAS_CV_BRIDGE:
        monkeypatch.delitem(sys.modules, "cv_bridge", raising=False)
        (tmp_path / "cv_bridge.py").write_text(CV_BRIDGE)
        monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def start(robot: Robot, doubles: Path) -> Iterator[Callable[[str, str], Any]]:
    """Starts the node of an example in this process."""
    nodes = []

    def run(name: str, kind: str) -> Any:
        node = getattr(loaded(name), kind)(context=robot.context)
        robot.executor.add_node(node)
        nodes.append(node)
        return node

    yield run
    for node in nodes:
        robot.executor.remove_node(node)
        node.destroy_node()


class FaceNode:
    """Publishes what face_node would."""

    def __init__(self, robot: Robot, *topics: str) -> None:
        self.robot = robot
        self.gazes = robot.node.create_publisher(GazeArray, "face_node/gazes", 10)
        self.boxes = robot.node.create_publisher(FaceBoxArray, "face_node/boxes", 10)
        for topic in topics:  # the robot listens too
            publisher = getattr(self, topic)
            robot.wait(lambda p=publisher: p.get_subscription_count() > 1)

    def say(self, seconds: float, *faces: tuple[int, float, float, bool]) -> None:
        """Faces of one image: id, x and z in metres, and whether they look."""
        head = header(round(seconds * SECOND))
        gazes, boxes = GazeArray(header=head), FaceBoxArray(header=head)
        for number, x, z, looking in faces:
            gaze = Gaze(id=number, has_origin=True, looking=looking)
            gaze.origin.x, gaze.origin.z = float(x), float(z)
            gazes.faces.append(gaze)
            box = FaceBox(id=number, state=FaceBox.STATE_TRACKED)
            box.center_x, box.center_y, box.width, box.height = 160.0, 120.0, 60.0, 80.0
            boxes.faces.append(box)
        for publisher, message in ((self.boxes, boxes), (self.gazes, gazes)):
            publisher.publish(message)
            self.robot.spin(0.1)


def test_the_robot_turns_to_the_nearest_who_looks(robot: Robot, start: Any) -> None:
    heard: list[Twist] = []
    robot.node.create_subscription(Twist, "cmd_vel", heard.append, 10)
    start("turn_to_person", "TurnToPerson")
    faces = FaceNode(robot, "gazes")
    robot.wait(lambda: len(heard) > 0)

    def speed() -> float:
        heard.clear()
        robot.wait(lambda: len(heard) > 0)
        return float(heard[-1].angular.z)

    faces.say(1, (1, 0.5, 3.0, True), (2, -0.3, 2.0, True), (3, 0.2, 1.0, False))
    assert speed() == pytest.approx(math.atan2(0.3, 2.0))  # the second, to the left
    faces.say(2, (1, 2.0, 1.0, True))
    assert speed() == -0.5  # to the right, no faster than allowed
    faces.say(3, (1, 0.01, 1.0, True))
    assert speed() == 0
    faces.say(4, (1, 2.0, 1.0, True))
    robot.wait(lambda: heard[-1].angular.z == 0, 30)  # face_node has ended
    faces.say(5, (1, 2.0, 1.0, False))
    assert speed() == 0


def test_visitors_are_logged_when_they_come_look_and_leave(
    robot: Robot, start: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    node = start("log_visitors", "LogVisitors")
    faces = FaceNode(robot, "gazes", "boxes")
    faces.say(10, (1, 0, 1, False))
    faces.say(11, (1, 0, 1, True), (2, 0.5, 1, False))
    faces.say(13.5, (1, 0, 1, False))
    faces.say(14.5, (1, 0, 1, True), (2, 0.5, 1, False))  # 2 was away for 3.5 s
    faces.say(19)
    robot.wait(lambda: not node.present)
    lines = [
        line.split("]: ")[1] for line in capfd.readouterr().err.splitlines() if "person" in line
    ]
    assert lines == [
        "person 1 came",
        "person 2 came",
        "person 1 looks at the robot",
        "person 1 left after 4.5 s, looked at the robot",
        "person 2 left after 3.5 s, did not look",
    ]


def test_boxes_are_drawn_over_the_image_of_the_same_stamp(robot: Robot, start: Any) -> None:
    heard: list[Image] = []
    robot.node.create_subscription(Image, "annotated_image", heard.append, 10)
    node = start("draw_over_image", "DrawOverImage")
    faces = FaceNode(robot, "gazes", "boxes")
    robot.wait(lambda: robot.camera.get_subscription_count() > 0)
    for n, looking in ((1, True), (2, False)):
        robot.camera.publish(ros_messages.image_message(nobody(), header(n * SECOND)))
        robot.wait(lambda: any("image" in parts for parts in node.waiting.values()))
        faces.say(n, (1, 0, 1, looking))
        robot.wait(lambda n=n: len(heard) == n)
    for message, green in zip(heard, (True, False), strict=True):
        picture = np.frombuffer(message.data, np.uint8).reshape(240, 320, 3).astype(int)
        edge = picture[120, 130]
        assert (edge[1] > edge[2] + 50) == green
        assert not (picture[200, 130] - 128).any()
    assert [m.header.stamp.sec for m in heard] == [1, 2]
    assert not node.waiting


@pytest.mark.parametrize("name", NAMES)
def test_it_starts_and_ends_with_ctrl_c(robot: Robot, doubles: Path, name: str) -> None:
    paths = [str(doubles), str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        # It answers only once it spins: rclpy loses an interrupt that comes earlier. Half a second
        # later it waits for messages; between two waits rclpy may raise for the ended context.
        client = robot.node.create_client(ListParameters, f"{name}/list_parameters")
        robot.ask(client, ListParameters.Request(), lambda: process.poll() is not None)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, error
    assert "Traceback" not in error
