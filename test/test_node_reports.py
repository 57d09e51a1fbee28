# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node reports over DDS: status, diagnostics and log lines."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from sensor_msgs.msg import Image

from atpn_ros.conversions import messages
from atpn_ros.node import ros_messages
from ros_world import (
    BEST_EFFORT,
    FRAME,
    RELIABLE,
    SECOND,
    T0,
    NodeProcess,
    Robot,
    header,
    nobody,
    portrait,
)


def test_a_burst_is_answered_with_the_newest_frame(robot: Robot, node: NodeProcess) -> None:
    robot.show(portrait(), T0)
    for n in range(1, 41):
        robot.camera.publish(ros_messages.image_message(portrait(), header(T0 + n * FRAME)))
    robot.wait(lambda: messages.stamp_ns(robot.heard["boxes"][-1].header.stamp) == T0 + 40 * FRAME)
    robot.spin(0.3)
    status = robot.heard["status"][-1]
    assert status.frames_received == status.frames_processed + status.frames_dropped
    stamps = [messages.stamp_ns(m.header.stamp) for m in robot.heard["boxes"]]
    assert stamps == sorted(stamps)


def test_status_tells_how_late_and_how(robot: Robot, node: NodeProcess) -> None:
    robot.show(portrait(), T0)
    status = robot.heard["status"][0]
    received, started, finished = (
        messages.stamp_ns(t) for t in (status.received, status.started, status.finished)
    )
    assert received <= started <= finished
    assert 0 < status.network_ns < finished - started
    assert (status.engine, status.detector) == ("onnx-cpu", "atpn")
    assert status.detector_ran
    assert status.detector_runs == 1
    assert status.faces == 1


def test_a_bag_that_loops_forgets_the_tracks_and_says_so(robot: Robot, node: NodeProcess) -> None:
    robot.show(portrait(), T0 + 10 * SECOND)
    robot.show(portrait(), T0)
    assert [m.faces[0].id for m in robot.heard["boxes"]] == [1, 2]
    assert robot.diagnosis()["tracks dropped: time went back"] == "1"


def test_silence_is_reported_in_words(robot: Robot, node: NodeProcess) -> None:
    summaries = lambda: [m.status[0].message for m in robot.heard["diagnostics"]]  # noqa: E731
    robot.wait(lambda: any("no image on /image for" in s for s in summaries()))
    assert summaries()[-1].endswith("s: 1 publisher")


def test_two_cameras_on_one_topic_are_reported(robot: Robot, node: NodeProcess) -> None:
    other = robot.node.create_publisher(Image, "image", RELIABLE)
    for n in range(40):
        robot.camera.publish(ros_messages.image_message(nobody(), header(T0 + n * FRAME)))
        robot.spin(FRAME / SECOND)
    assert "2 publishers on /image" in robot.diagnosis()["summary"]
    robot.node.destroy_publisher(other)


def test_a_publisher_that_cannot_be_heard_is_named(tmp_path: Path) -> None:
    robot = Robot(qos=BEST_EFFORT)
    node = NodeProcess(tmp_path)
    try:
        robot.wait(lambda: "incompatible reliability" in node.words())
        summaries = lambda: [m.status[0].message for m in robot.heard["diagnostics"]]  # noqa: E731
        robot.wait(lambda: any(s.endswith("1 publisher, incompatible reliability")
                               for s in summaries()))  # fmt: skip
    finally:
        robot.close()
        assert node.stop() == 0, node.words()


def test_images_that_are_lost_on_the_way_are_told_with_the_remedy(tmp_path: Path) -> None:
    """Best effort over UDP, as a camera driver without the Fast DDS profile sends large images."""
    robot = Robot(qos=BEST_EFFORT)
    best_effort = "qos_overrides./image.subscription.reliability:=best_effort"
    node = NodeProcess(tmp_path, arguments=["-p", best_effort])
    try:
        robot.wait(lambda: "listening on" in node.words())
        large = ros_messages.image_message(np.zeros((1080, 1920, 3), np.uint8), header(T0))
        end = time.monotonic() + 60
        while "DEFAULT_PROFILES_FILE" not in node.words() and time.monotonic() < end:
            robot.camera.publish(large)
            robot.spin(0.03)
        (line,) = [w for w in node.words().splitlines() if "DEFAULT_PROFILES_FILE" in w]
        assert "lost in transport" in line or "although it has a publisher" in line
        assert "config/fastdds_shm.xml" in line
    finally:
        robot.close()
        assert node.stop() == 0, node.words()


def test_a_camera_info_of_another_frame_is_named(robot: Robot, node: NodeProcess) -> None:
    robot.calibrate(header=header(T0, "gripper_camera"))
    robot.show(portrait(), T0)
    assert robot.heard["head_poses"][0].faces[0].has_position
    assert "'gripper_camera'" in node.words()
