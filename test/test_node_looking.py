# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who looks at the camera or at a TF frame: the real node, over real DDS."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from atpn_ros.conversions.messages import stamp_ns
from node_here import World
from ros_world import SECOND, header

CAMERA = "camera_optical_frame"
LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class RobotHead:
    """Publishes where the robot's eyes are, on /tf or latched on /tf_static."""

    def __init__(self, world: World) -> None:
        self._world = world
        node = world.robot.node
        self._tf = node.create_publisher(TFMessage, "/tf", 10)
        self._static = node.create_publisher(TFMessage, "/tf_static", LATCHED)

    def put(self, y: float, stamp_ns: int | None = None, child: str = "eyes") -> None:
        """The eyes are at (0, y, 0) in the camera frame: from a time on, or for ever."""
        item = TransformStamped(header=header(stamp_ns or 0, CAMERA), child_frame_id=child)
        item.transform.translation.y = y
        publisher = self._static if stamp_ns is None else self._tf
        self._world.robot.wait(lambda: publisher.get_subscription_count() > 0)
        publisher.publish(TFMessage(transforms=[item]))
        assert publisher.wait_for_all_acked(Duration(seconds=60))
        self._world.robot.spin(0.1)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def gaze(world: World) -> Any:
    (face,) = world.answers().gazes.faces
    return face


def set_live(world: World, **values: object) -> None:
    results = world.node.set_parameters([Parameter(n, value=v) for n, v in values.items()])
    assert all(r.successful for r in results), results
    world.robot.spin(0.1)


def summary(world: World) -> str:
    """The state in the diagnostics of a second in which images were processed."""
    for _ in range(5):
        world.stamp = world.node.now_ns()
        world.answers()
        said = world.robot.diagnosis()["summary"]
        if said.startswith("who looks"):
            break
    return said


def angle_to(face: Any, x: float, y: float, z: float) -> float:
    """The angle, in degrees, between a gaze and the line to a place in the camera frame."""
    line = (x - face.origin.x, y - face.origin.y, z - face.origin.z)
    d = face.direction
    dot = sum(a * b for a, b in zip(line, (d.x, d.y, d.z), strict=True))
    return math.degrees(math.acos(dot / math.hypot(*line)))


def test_by_default_the_target_is_the_camera(world: World) -> None:
    world.start()
    face = gaze(world)  # without a calibration
    assert face.angle_to_target == pytest.approx(
        math.degrees(math.acos(-face.direction.z)), abs=0.01
    )
    assert face.looking == (face.angle_to_target < math.hypot(10, face.spread))
    assert world.robot.node.count_subscribers("/tf_static") == 0
    world.robot.calibrate()
    face = gaze(world)
    assert face.has_origin
    assert face.angle_to_target == pytest.approx(angle_to(face, 0, 0, 0), abs=0.01)


def test_the_limit_can_be_changed_while_the_node_runs(world: World) -> None:
    set_live(world, looking_angle=0.0)
    world.start()
    face = gaze(world)
    assert face.looking == (face.angle_to_target < face.spread)
    set_live(world, looking_angle=90.0, looking_delay=0.0)
    assert gaze(world).looking


def test_a_static_frame_is_a_target(world: World) -> None:
    head = RobotHead(world)
    set_live(world, looking_target="eyes")
    world.start()
    world.robot.calibrate()
    head.put(-0.8)
    face = gaze(world)
    assert face.angle_to_target == pytest.approx(angle_to(face, 0, -0.8, 0), abs=0.01)
    assert face.angle_to_target != pytest.approx(angle_to(face, 0, 0, 0), abs=1)


def test_a_moving_frame_is_a_target_and_an_old_transform_is_not_used(world: World) -> None:
    head = RobotHead(world)
    set_live(world, looking_target="eyes")
    world.start()
    world.robot.calibrate()
    head.put(-0.4, world.stamp)
    face = gaze(world)
    assert face.angle_to_target == pytest.approx(angle_to(face, 0, -0.4, 0), abs=0.01)
    head.put(0.4, world.stamp)
    face = gaze(world)
    assert face.angle_to_target == pytest.approx(angle_to(face, 0, 0.4, 0), abs=0.01)
    world.stamp += 3 * SECOND
    face = gaze(world)
    assert math.isnan(face.angle_to_target)
    assert not face.looking


def test_a_missing_transform_does_not_hold_up_images_and_is_named(world: World) -> None:
    set_live(world, looking_target="eyes", looking_angle=90.0)
    world.start()
    world.robot.calibrate()
    seconds = []
    for _ in range(4):
        answer = world.answers()
        (face,) = answer.gazes.faces
        assert math.isnan(face.angle_to_target)
        assert not face.looking
        started, finished = map(stamp_ns, (answer.status.started, answer.status.finished))
        seconds.append((finished - started) / SECOND)
    assert min(seconds) < 0.5  # a lookup that waits takes at least as long as its time-out
    world.robot.spin(2.5)
    assert (
        summary(world) == "who looks at 'eyes' is not known: no frame 'eyes' on /tf or /tf_static"
    )


def test_a_target_without_a_calibration_is_not_known_and_the_diagnostics_say_why(
    world: World,
) -> None:
    head = RobotHead(world)
    set_live(world, looking_target="eyes")
    world.start()
    head.put(-0.4)
    assert math.isnan(gaze(world).angle_to_target)
    assert summary(world) == "who looks at 'eyes' is not known: no camera_info received"


def test_the_target_can_be_changed_while_the_node_runs(world: World) -> None:
    head = RobotHead(world)
    world.start()
    world.robot.calibrate()
    face = gaze(world)
    assert face.angle_to_target == pytest.approx(angle_to(face, 0, 0, 0), abs=0.01)
    set_live(world, looking_target="eyes")
    head.put(-0.8)
    face = gaze(world)
    assert face.angle_to_target == pytest.approx(angle_to(face, 0, -0.8, 0), abs=0.01)
    set_live(world, looking_target="")
    face = gaze(world)
    assert face.angle_to_target == pytest.approx(angle_to(face, 0, 0, 0), abs=0.01)
    world.robot.wait(lambda: world.robot.node.count_subscribers("/tf_static") == 0)


def test_a_lazy_node_is_idle_although_it_subscribes_to_tf_itself() -> None:
    world = World(lazy=True, looking_target="eyes").start()
    try:
        for subscription in list(world.robot.node.subscriptions):
            if subscription.topic_name != "/diagnostics":
                world.robot.node.destroy_subscription(subscription)
        world.robot.wait(lambda: world.robot.camera.get_subscription_count() == 0, 20)
        # Not the next one: it may have been sent before.
        idle = "idle: no output has subscribers"
        world.robot.wait(lambda: world.robot.diagnosis()["summary"] == idle, 20)
        world.robot._listen("tf", TFMessage, "/tf")
        world.robot.wait(lambda: world.robot.camera.get_subscription_count() == 1, 20)
    finally:
        world.close()
