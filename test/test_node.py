# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node in a process of its own, over DDS: results, bad messages and how it ends."""

from __future__ import annotations

import array
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from sensor_msgs.msg import CompressedImage

from atpn_ros.msg import FaceBox, FaceLandmarks
from atpn_ros.node import ros_messages
from ros_world import (
    FRAME,
    HEIGHT,
    OUTPUTS,
    SECOND,
    T0,
    WIDTH,
    NodeProcess,
    Robot,
    header,
    nobody,
    portrait,
)


def test_a_face_is_found_followed_and_lost(robot: Robot, node: NodeProcess) -> None:
    robot.calibrate()
    for n in range(4):
        robot.show(portrait(), T0 + n * FRAME)
    robot.show(nobody(), T0 + 4 * FRAME)
    robot.show(nobody(), T0 + 5 * FRAME)

    states = [[f.state for f in m.faces] for m in robot.heard["boxes"]]
    assert states[0] == [FaceBox.STATE_DETECTED]
    assert states[1:4] == [[FaceBox.STATE_TRACKED]] * 3
    assert states[4:] == [[FaceBox.STATE_LOST], []]
    assert {f.id for m in robot.heard["boxes"] for f in m.faces} == {1}
    assert [len(m.faces) for m in robot.heard["landmarks"]] == [1, 1, 1, 1, 0, 0]
    assert [len(m.faces) for m in robot.heard["head_poses"]] == [1, 1, 1, 1, 0, 0]
    assert [len(m.faces) for m in robot.heard["gazes"]] == [1, 1, 1, 1, 0, 0]


def test_every_output_carries_the_images_own_header(robot: Robot, node: NodeProcess) -> None:
    robot.calibrate()
    robot.show(portrait(), 1_234_567_890, frame_id="left/optical")
    for name in OUTPUTS:
        assert robot.heard[name][0].header == header(1_234_567_890, "left/optical"), name
    robot.wait(lambda: bool(robot.heard["tf"]))
    for transform in robot.heard["tf"][0].transforms:
        assert transform.header == header(1_234_567_890, "left/optical")


def test_what_is_said_of_a_face_hangs_together(robot: Robot, node: NodeProcess) -> None:
    robot.calibrate()
    robot.show(portrait(), T0)
    box = robot.heard["boxes"][0].faces[0]
    points = robot.heard["landmarks"][0].faces[0]
    pose = robot.heard["head_poses"][0].faces[0]
    gaze = robot.heard["gazes"][0].faces[0]
    assert box.id == points.id == pose.id == gaze.id
    assert points.layout == FaceLandmarks.LAYOUT_WFLW98
    xy = np.array(points.xy).reshape(98, 2)
    assert len(points.sigma) == 98
    # The astronaut's face in the photograph, moved by the cut.
    assert np.hypot(*(xy.mean(axis=0) - (224 - 64, 118))) < 15
    assert xy[60, 0] < xy[72, 0], "the person's right eye is on the image's left"
    assert abs(box.center_x - (xy[:, 0].min() + xy[:, 0].max()) / 2) < 1
    q = pose.pose.pose.orientation
    assert math.isclose(q.x**2 + q.y**2 + q.z**2 + q.w**2, 1, abs_tol=1e-9)
    assert max(abs(pose.roll), abs(pose.pitch), abs(pose.yaw)) < math.radians(20)
    p = pose.pose.pose.position
    assert pose.has_position
    assert 0.3 < p.z < 0.8, "a head of 100 pixels at a focal length of 300"
    assert abs(p.x) < 0.1
    d = gaze.direction
    assert math.isclose(d.x**2 + d.y**2 + d.z**2, 1, abs_tol=1e-9)
    assert d.z < -0.9, "she looks at the camera"
    robot.wait(lambda: bool(robot.heard["tf"]))
    names = [t.child_frame_id for t in robot.heard["tf"][0].transforms]
    assert names == ["face_1", "gaze_1"]
    assert robot.heard["tf"][0].transforms[0].transform.translation.z == p.z


def test_without_calibration_there_is_rotation_but_no_position(
    robot: Robot, node: NodeProcess
) -> None:
    robot.show(portrait(), T0)
    pose = robot.heard["head_poses"][0].faces[0]
    assert not pose.has_position
    assert not robot.heard["gazes"][0].faces[0].has_origin
    robot.spin(0.3)
    assert robot.heard["tf"] == []


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"k": [0.0] * 9}, "uncalibrated"),
        ({"k": [math.nan] * 9}, "finite"),
        ({"width": 640, "height": 360}, "640x360"),
        ({"distortion_model": "unheard_of", "d": [0.1, 0.2]}, "unheard_of"),
    ],
)
def test_a_bad_camera_info_is_named_once_and_changes_nothing_else(
    robot: Robot, node: NodeProcess, fields: dict[str, object], word: str
) -> None:
    robot.calibrate(**fields)
    for n in range(3):
        robot.show(portrait(), T0 + n * FRAME)
    assert not robot.heard["head_poses"][-1].faces[0].has_position
    warnings = [line for line in node.words().splitlines() if "WARN" in line]
    assert len(warnings) == 1
    assert word in warnings[0]
    robot.calibrate()
    robot.show(portrait(), T0 + 3 * FRAME)
    assert robot.heard["head_poses"][-1].faces[0].has_position


def spoilt(kind: str) -> object:
    message = ros_messages.image_message(portrait(), header(T0))
    match kind:
        case "empty":
            message.data = array.array("B")
        case "short_data":
            message.data = message.data[:-1000]
        case "short_step":
            message.step = 3
        case "unknown_encoding":
            message.encoding = "bgr9"
        case "too_large":
            message.width, message.height, message.step = 65535, 65535, 3 * 65535
    return message


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "short_data"),
        ("short_data", "short_data"),
        ("short_step", "short_step"),
        ("unknown_encoding", "unknown_encoding"),
        ("too_large", "too_large"),
    ],
)
def test_a_bad_image_is_counted_named_once_and_the_next_good_one_answered(
    robot: Robot, node: NodeProcess, kind: str, reason: str
) -> None:
    for _ in range(3):
        robot.camera.publish(spoilt(kind))
        robot.spin(0.1)
    robot.show(portrait(), T0 + SECOND)
    assert len(robot.heard["landmarks"][-1].faces) == 1
    assert robot.heard["status"][-1].frames_refused == 3
    assert robot.diagnosis()[f"refused: {reason}"] == "3"
    named = [line for line in node.words().splitlines() if reason in line]
    assert len(named) == 1, "one throttled line"
    assert "WARN" in named[0]


def test_compressed_images(tmp_path: Path) -> None:
    robot = Robot(compressed=True)
    node = NodeProcess(tmp_path, "image_transport:=compressed")
    try:
        robot.wait_for_node()
        data = cv2.imencode(".jpg", portrait())[1].tobytes()
        broken = [b"", data[: len(data) // 2], b"not a picture", data[:200] + b"\0" * 500]
        for n, bad in enumerate(broken):
            robot.camera.publish(compressed(bad, T0 + n))
            robot.spin(0.1)
        robot.camera.publish(compressed(data, T0 + SECOND))
        robot.wait(lambda: bool(robot.heard["landmarks"]))
        assert len(robot.heard["landmarks"][0].faces) == 1
        assert robot.heard["landmarks"][0].header == header(T0 + SECOND)
        values = robot.diagnosis()
        assert values["frames refused"] == "4"
        assert {k for k in values if k.startswith("refused: ")} >= {
            "refused: empty", "refused: truncated", "refused: unknown_format",
        }  # fmt: skip
    finally:
        assert node.stop() == 0, node.words()
        robot.close()


def compressed(data: bytes, stamp_ns: int) -> CompressedImage:
    message = CompressedImage(header=header(stamp_ns), format="bgr8; jpeg compressed bgr8")
    message.data.frombytes(data)
    return message


@pytest.mark.parametrize(
    ("parameter", "word"),
    [
        ("model:=/nowhere/net.onnx", "/nowhere/net.onnx: no such file"),
        ("max_faces:=99", "max_faces"),
        ("backend:=abacus", "abacus"),
        ("detector_model:=/nowhere/yunet.onnx", "/nowhere/yunet.onnx"),
    ],
)
def test_what_cannot_start_says_why_and_ends(tmp_path: Path, parameter: str, word: str) -> None:
    node = NodeProcess(tmp_path, parameter)
    assert node.process.wait(120) != 0
    assert word in node.words()
    assert "Traceback" not in node.words()


def test_interrupted_while_frames_come_it_ends_at_once(tmp_path: Path, robot: Robot) -> None:
    node = NodeProcess(tmp_path)
    robot.wait_for_node()
    for n in range(10):
        robot.camera.publish(ros_messages.image_message(portrait(), header(T0 + n * FRAME)))
    assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()


def test_the_picture_is_what_the_test_thinks() -> None:
    assert portrait().shape == nobody().shape == (HEIGHT, WIDTH, 3)
