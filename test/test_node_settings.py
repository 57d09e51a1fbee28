# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters and lifecycle of the running node, over DDS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters

from atpn_ros.msg import FaceBox
from atpn_ros.node import ros_messages
from atpn_ros.settings import CONSTRAINTS
from ros_world import (
    FRAME,
    T0,
    NodeProcess,
    Robot,
    header,
    portrait,
)


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
    for name, near in (("max_face", "max_faces"), ("detector", "detector_model")):
        unknown = set_parameter(robot, name, ParameterValue(type=integer, integer_value=1))
        assert not unknown.successful
        assert unknown.reason == f"{name}: no such setting; did you mean {near}?"
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
