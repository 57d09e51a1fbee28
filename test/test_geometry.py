# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rotations: the signs that HeadPose.msg promises, and ways there and back."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpn_ros.geometry import (
    FACING,
    about_x,
    about_y,
    about_z,
    angle_between,
    head_rotation,
    nearest_rotation,
    quaternion,
    roll_pitch_yaw,
    rotation_from_direction,
    rotation_from_quaternion,
    rotation_to_ray,
)

angles = st.floats(-np.pi, np.pi)
NOSE, LEFT, SCALP = np.eye(3)
RIGHT_IN_IMAGE, DOWN_IN_IMAGE, AWAY = np.eye(3)


def is_rotation(matrix, atol=1e-9):
    return np.allclose(matrix @ matrix.T, np.eye(3), atol=atol) and np.linalg.det(matrix) > 0


def test_a_head_that_faces_the_camera():
    assert is_rotation(FACING)
    np.testing.assert_array_equal(FACING @ NOSE, -AWAY)
    np.testing.assert_array_equal(FACING @ LEFT, RIGHT_IN_IMAGE)
    np.testing.assert_array_equal(FACING @ SCALP, -DOWN_IN_IMAGE)
    assert roll_pitch_yaw(FACING) == (0, 0, 0)


SIGNS = [
    # which angle is positive, what moves, where to (camera axes), in the words of HeadPose.msg
    ((0.3, 0, 0), SCALP, -RIGHT_IN_IMAGE, "the scalp moves to the image's left"),
    ((0, 0.3, 0), NOSE, DOWN_IN_IMAGE, "the nose goes down"),
    ((0, 0, 0.3), NOSE, RIGHT_IN_IMAGE, "to the image's right"),
]


@pytest.mark.parametrize(("rpy", "part", "towards", "words"), SIGNS)
def test_signs_are_those_of_the_message(rpy, part, towards, words):
    for sign in (1, -1):
        rotation = head_rotation(*(sign * a for a in rpy))
        assert rotation @ part @ towards == pytest.approx(sign * np.sin(0.3))
        np.testing.assert_allclose(roll_pitch_yaw(rotation), [sign * a for a in rpy], atol=1e-12)
    message = Path(__file__).parents[1] / "msg" / "HeadPose.msg"
    if message.is_file():
        assert words in message.read_text()


def test_the_order_is_yaw_then_pitch_then_roll_about_the_heads_own_axes():
    expected = FACING @ about_z(0.5) @ about_y(0.3) @ about_x(0.2)
    np.testing.assert_allclose(head_rotation(0.2, 0.3, 0.5), expected)


@given(roll=angles, pitch=st.floats(-1.57, 1.57), yaw=angles)
def test_roll_pitch_yaw_undoes_head_rotation(roll, pitch, yaw):
    rotation = head_rotation(roll, pitch, yaw)
    assert is_rotation(rotation)
    np.testing.assert_allclose(head_rotation(*roll_pitch_yaw(rotation)), rotation, atol=1e-6)


@given(roll=angles, yaw=angles, sign=st.sampled_from([-1, 1]))
def test_gimbal_lock_still_gives_the_same_rotation_and_no_roll(roll, yaw, sign):
    rotation = head_rotation(roll, sign * np.pi / 2, yaw)
    got = roll_pitch_yaw(rotation)
    assert got[0] == 0
    np.testing.assert_allclose(head_rotation(*got), rotation, atol=1e-6)


@pytest.mark.parametrize(
    ("turn", "moves", "to"),
    [(about_x, 1, 2), (about_y, 2, 0), (about_z, 0, 1)],
)
def test_rotations_about_axes_are_right_handed(turn, moves, to):
    np.testing.assert_allclose(turn(np.pi / 2) @ np.eye(3)[moves], np.eye(3)[to], atol=1e-15)


@given(roll=angles, pitch=angles, yaw=angles)
def test_quaternion_and_matrix_there_and_back(roll, pitch, yaw):
    rotation = about_z(yaw) @ about_y(pitch) @ about_x(roll)
    q = quaternion(rotation)
    assert np.linalg.norm(q) == pytest.approx(1, abs=1e-12)
    assert q[3] >= 0
    np.testing.assert_allclose(rotation_from_quaternion(*q), rotation, atol=1e-9)


@pytest.mark.parametrize("axis", range(3))
def test_quaternion_of_half_turns(axis):
    """Where the trace is -1 the naive formula divides by zero."""
    rotation = np.diag([1.0 if i == axis else -1.0 for i in range(3)])
    np.testing.assert_allclose(np.abs(quaternion(rotation)), np.eye(4)[axis], atol=1e-12)


def test_quaternion_is_x_y_z_w():
    h = np.sqrt(0.5)
    np.testing.assert_allclose(quaternion(about_x(np.pi / 2)), (h, 0, 0, h))
    np.testing.assert_allclose(quaternion(about_z(-np.pi / 2)), (0, 0, -h, h))


@given(x=st.floats(-50, 50), y=st.floats(-50, 50), length=st.floats(0.1, 10))
def test_rotation_to_ray_takes_the_axis_onto_the_ray_by_the_smallest_turn(x, y, length):
    ray = np.array([x, y, 1.0])
    unit = ray / np.linalg.norm(ray)
    rotation = rotation_to_ray(ray * length)
    assert is_rotation(rotation)
    np.testing.assert_allclose(rotation @ AWAY, unit, atol=1e-9)
    assert angle_between(np.eye(3), rotation) == pytest.approx(np.arccos(unit[2]), abs=1e-6)


@pytest.mark.parametrize("ray", [(0, 0, -1), (1, 0, 0), (0, 0, 0)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rotation_to_ray_refuses_rays_that_do_not_point_forward(ray):
    with pytest.raises(ValueError, match="forward"):
        rotation_to_ray(np.array(ray, float))


def test_a_face_right_of_the_axis_that_looks_frontal_is_turned_to_the_image_left():
    """It looks into the lens, so its nose points back to the middle."""
    nose = (rotation_to_ray(np.array([0.5, 0.0, 1.0])) @ FACING)[:, 0]
    assert nose[0] < -0.4
    assert nose[2] < 0


@given(roll=angles, pitch=angles, yaw=angles, scale=st.floats(0.5, 2))
def test_nearest_rotation_of_a_scaled_rotation_is_the_rotation(roll, pitch, yaw, scale):
    rotation = head_rotation(roll, pitch, yaw)
    np.testing.assert_allclose(nearest_rotation(rotation * scale), rotation, atol=1e-9)


def test_nearest_rotation_is_never_a_reflection():
    assert is_rotation(nearest_rotation(np.diag([1.0, 1.0, -1.0])))
    assert is_rotation(nearest_rotation(np.zeros((3, 3))))


@pytest.mark.parametrize("angle", [0, 1e-3, 0.5, 3, np.pi])
def test_angle_between_is_the_angle_of_the_turn(angle):
    start = head_rotation(0.1, 0.2, 0.3)
    assert angle_between(start, start @ about_y(angle)) == pytest.approx(angle, abs=1e-6)


@given(x=st.floats(-1, 1), y=st.floats(-1, 1), z=st.sampled_from([-1.0, -0.2, 0.0, 0.3, 1.0]))
def test_frame_along_has_its_z_along_the_direction_and_is_level(x, y, z):
    direction = np.array([x, y, z])
    if np.linalg.norm(direction) < 1e-3:
        return
    frame = rotation_from_direction(direction)
    assert is_rotation(frame, atol=3e-6)  # less would be asked of almost vertical ones
    np.testing.assert_allclose(frame[:, 2], direction / np.linalg.norm(direction), atol=1e-9)
    assert abs(frame[1, 0]) < 1e-9


@pytest.mark.parametrize("sign", [-1, 1])
def test_frame_along_straight_up_and_down_is_still_a_rotation(sign):
    assert is_rotation(rotation_from_direction(np.array([0.0, sign, 0.0])))
