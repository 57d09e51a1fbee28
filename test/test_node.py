# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The real node in its own process, over real DDS."""

from __future__ import annotations

import array
import math
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters
from sensor_msgs.msg import CompressedImage, Image

from atpn_ros.conversions import messages
from atpn_ros.msg import FaceBox, FaceLandmarks
from atpn_ros.node import ros_messages
from atpn_ros.settings import CONSTRAINTS
from ros_world import (
    BEST_EFFORT,
    HEIGHT,
    OUTPUTS,
    RELIABLE,
    SECOND,
    WIDTH,
    NodeProcess,
    Robot,
    header,
    nobody,
    portrait,
)

T0 = 1_000 * SECOND
FRAME = SECOND // 15


@pytest.fixture
def robot() -> Iterator[Robot]:
    robot = Robot()
    yield robot
    robot.close()


@pytest.fixture
def node(tmp_path: Path, robot: Robot) -> Iterator[NodeProcess]:
    node = NodeProcess(tmp_path)
    robot.wait_for_node()
    yield node
    code = node.stop()
    assert code == 0, node.words()
    assert "Traceback" not in node.words()


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


def set_parameter(robot: Robot, name: str, value: ParameterValue) -> object:
    request = SetParameters.Request(parameters=[Parameter(name=name, value=value)])
    return robot.call(SetParameters, "set_parameters", request).results[0]


def test_parameters_describe_themselves_and_refuse_with_a_reason(
    robot: Robot, node: NodeProcess
) -> None:
    request = DescribeParameters.Request(names=list(CONSTRAINTS))
    for descriptor in robot.call(DescribeParameters, "describe_parameters", request).descriptors:
        assert descriptor.description, descriptor.name
    integer, text = ParameterType.PARAMETER_INTEGER, ParameterType.PARAMETER_STRING
    double = ParameterType.PARAMETER_DOUBLE
    live = set_parameter(robot, "max_faces", ParameterValue(type=integer, integer_value=1))
    assert live.successful
    far = set_parameter(robot, "keep_presence", ParameterValue(type=double, double_value=2.0))
    assert not far.successful
    for name, value, why in (
        ("tf_prefix", ParameterValue(type=text, string_value="bad prefix/"), "tf_prefix: 'bad"),
        ("keep_presence", ParameterValue(type=double, double_value=0.9), "less than keep_presence"),
    ):
        refused = set_parameter(robot, name, value)
        assert (refused.successful, why in refused.reason) == (False, True)
    fixed = set_parameter(robot, "backend", ParameterValue(type=text, string_value="onnx-cuda"))
    assert not fixed.successful
    assert "before the node is configured" in fixed.reason
    robot.show(portrait(), T0)
    assert len(robot.heard["landmarks"][0].faces) == 1


def test_a_camera_that_hangs_upside_down_is_turned_while_the_node_runs(
    robot: Robot, node: NodeProcess
) -> None:
    robot.calibrate()
    integer = ParameterType.PARAMETER_INTEGER
    robot.show(portrait(), T0)
    usual = robot.heard["head_poses"][0].faces[0]
    for degrees, allowed in ((45, False), (180, True)):
        value = ParameterValue(type=integer, integer_value=degrees)
        assert set_parameter(robot, "rotate", value).successful is allowed
    robot.show(np.ascontiguousarray(portrait()[::-1, ::-1]), T0 + FRAME)
    assert "all tracks are dropped: rotate changed" in node.words()
    pose = robot.heard["head_poses"][-1].faces[0]
    assert (pose.id, pose.has_position) == (2, True)
    # The same head, in the frame of a camera that is turned about its axis by half a turn.
    p, q = pose.pose.pose.position, usual.pose.pose.position
    np.testing.assert_allclose((p.x, p.y, p.z), (-q.x, -q.y, q.z), atol=1e-3)
    np.testing.assert_allclose(
        (pose.roll, pose.pitch, pose.yaw), (usual.roll, usual.pitch, usual.yaw), atol=1e-3
    )
    xy = np.array(robot.heard["landmarks"][-1].faces[0].xy).reshape(98, 2)
    assert xy[60, 0] > xy[72, 0], "upside down, her right eye is on the image's right"
    assert xy[16, 1] < xy[51, 1], "her chin is above her nose"
    robot.wait(lambda: any(t.transforms[0].child_frame_id == "face_2" for t in robot.heard["tf"]))
    assert robot.heard["tf"][-1].transforms[0].transform.translation.x == p.x


def transition(robot: Robot, number: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=number))
    return bool(robot.call(ChangeState, "change_state", request).success)


def state(robot: Robot) -> int:
    return int(robot.call(GetState, "get_state", GetState.Request()).current_state.id)


def test_lifecycle_with_a_face_in_view(tmp_path: Path, robot: Robot) -> None:
    node = NodeProcess(tmp_path, "autostart:=false")
    try:
        assert state(robot) == State.PRIMARY_STATE_UNCONFIGURED
        for _ in range(2):
            assert transition(robot, Transition.TRANSITION_CONFIGURE)
            assert transition(robot, Transition.TRANSITION_ACTIVATE)
            robot.wait_for_node()
            robot.heard["boxes"].clear()
            robot.show(portrait(), T0)
            assert robot.heard["boxes"][0].faces[0].state == FaceBox.STATE_DETECTED
            assert transition(robot, Transition.TRANSITION_DEACTIVATE)
            robot.heard["boxes"].clear()
            robot.camera.publish(ros_messages.image_message(portrait(), header(T0 + FRAME)))
            robot.spin(0.5)
            assert robot.heard["boxes"] == [], "silent while inactive"
            assert transition(robot, Transition.TRANSITION_CLEANUP)
        assert state(robot) == State.PRIMARY_STATE_UNCONFIGURED
    finally:
        assert node.stop() == 0, node.words()
    assert "Traceback" not in node.words()


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
