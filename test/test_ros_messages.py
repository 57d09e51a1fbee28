# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo as CameraInfoMsg
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from atpn_ros import geometry
from atpn_ros.conversions import messages
from atpn_ros.images.raw import BadImage
from atpn_ros.landmark_layouts import IBUG68_IN_WFLW98
from atpn_ros.msg import FaceBox, FaceLandmarks, Gaze, HeadPose
from atpn_ros.node import ros_messages
from atpn_ros.settings import Settings
from atpn_ros.types import HEAD_GAZE_SPREAD, Box, Face, FaceFrame, FaceState, GazeSource
from atpn_ros.types import Gaze as CoreGaze
from atpn_ros.types import HeadPose as CorePose

HEADER = Header(stamp=Time(sec=12, nanosec=34), frame_id="cam")
POINTS = np.random.default_rng(0).uniform(0, 640, (98, 2))


def face(number: int = 7, position: bool = True, state: FaceState = FaceState.TRACKED) -> Face:
    if state is FaceState.LOST:
        return Face(number, state, Box(1, 2, 3, 4), 0.1, 10, 11)
    rotation = geometry.head_rotation(0.1, -0.2, 0.3)
    where = np.array([0.1, -0.2, 0.9]) if position else None
    covariance = np.arange(36, dtype=float).reshape(6, 6)
    return Face(
        number, state, Box(1, 2, 3, 4), np.float32(0.75), np.int64(10), 11, POINTS,  # type: ignore[arg-type]
        np.full(98, 1.5, np.float32), CorePose(rotation, where, covariance),
        CoreGaze(rotation[:, 0], GazeSource.HEAD, np.float32(0.5)),  # type: ignore[arg-type]
    )  # fmt: skip


def frame(*faces: Face) -> FaceFrame:
    return FaceFrame(12_000_000_034, "cam", 640, 480, faces)


def travelled(message: object) -> object:
    """As it arrives on the other side: what ROS corrupts silently, it corrupts here."""
    return deserialize_message(serialize_message(message), type(message))


def test_boxes_survive_the_journey_with_numpy_scalars() -> None:
    lost = face(9, state=FaceState.LOST)
    out = travelled(ros_messages.boxes(frame(face(), lost), HEADER))
    assert out.header == HEADER
    first, second = out.faces
    assert (first.id, first.state, first.age_ns, first.frames_since_detection) == (
        7, FaceBox.STATE_TRACKED, 10, 11,
    )  # fmt: skip
    assert (first.center_x, first.center_y, first.width, first.height) == (1, 2, 3, 4)
    assert first.presence == 0.75
    assert second.state == FaceBox.STATE_LOST


def test_landmarks_are_interleaved_in_the_order_of_the_layout() -> None:
    (out,) = travelled(ros_messages.landmarks(frame(face()), HEADER)).faces
    assert out.layout == FaceLandmarks.LAYOUT_WFLW98
    assert np.array(out.xy).reshape(98, 2) == pytest.approx(POINTS, rel=1e-6)
    assert list(out.sigma) == [1.5] * 98


def test_a_lost_face_has_a_box_and_nothing_else() -> None:
    lost = frame(face(state=FaceState.LOST))
    assert len(ros_messages.boxes(lost, HEADER).faces) == 1
    assert ros_messages.landmarks(lost, HEADER).faces == []
    assert ros_messages.head_poses(lost, HEADER).faces == []
    assert ros_messages.gazes(lost, HEADER).faces == []
    assert ros_messages.transforms(lost, HEADER, Settings().frame_name).transforms == []


def test_a_head_pose_says_the_same_in_angles_and_quaternion() -> None:
    (out,) = travelled(ros_messages.head_poses(frame(face()), HEADER)).faces
    assert (out.roll, out.pitch, out.yaw) == pytest.approx((0.1, -0.2, 0.3))
    q = out.pose.pose.orientation
    assert geometry.rotation_from_quaternion(q.x, q.y, q.z, q.w) == pytest.approx(
        geometry.head_rotation(0.1, -0.2, 0.3)
    )
    p = out.pose.pose.position
    assert (p.x, p.y, p.z, out.has_position) == (0.1, -0.2, 0.9, True)
    assert list(out.pose.covariance) == list(range(36))


def test_a_gaze_tells_its_spread_in_degrees() -> None:
    (out,) = travelled(ros_messages.gazes(frame(face()), HEADER)).faces
    assert out.spread == pytest.approx(np.degrees(HEAD_GAZE_SPREAD), rel=1e-5)
    assert out.confidence == 0.5


def test_without_a_position_nothing_pretends_to_have_one() -> None:
    without = frame(face(position=False))
    (pose,) = ros_messages.head_poses(without, HEADER).faces
    (gaze,) = ros_messages.gazes(without, HEADER).faces
    assert (pose.has_position, gaze.has_origin) == (False, False)
    assert ros_messages.transforms(without, HEADER, Settings().frame_name).transforms == []


def test_transforms_stand_under_the_images_frame() -> None:
    slashed = Header(stamp=HEADER.stamp, frame_id="/cam")
    out = travelled(
        ros_messages.transforms(frame(face()), slashed, Settings(tf_prefix="left_").frame_name)
    ).transforms
    assert [t.child_frame_id for t in out] == ["left_face_7", "left_gaze_7"]
    assert [t.header.frame_id for t in out] == ["cam", "cam"]
    q = out[1].transform.rotation
    along = geometry.rotation_from_quaternion(q.x, q.y, q.z, q.w)[:, 2]
    assert along == pytest.approx(geometry.head_rotation(0.1, -0.2, 0.3)[:, 0])
    nowhere = Header(stamp=HEADER.stamp)
    assert ros_messages.transforms(frame(face()), nowhere, Settings().frame_name).transforms == []


def test_the_constants_are_the_cores() -> None:
    for state in FaceState:
        assert getattr(FaceBox, f"STATE_{state.name}") == state
    for source in GazeSource:
        assert getattr(Gaze, f"SOURCE_{source.name}") == source


def test_the_message_comments_name_the_68_points() -> None:
    text = "0,2,..,32  33-37  42-46  51-59  60,61,63,64,65,67  68,69,71,72,73,75  76-95"
    order = [*range(0, 33, 2), *range(33, 38), *range(42, 47), *range(51, 60),
             60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75, *range(76, 96)]  # fmt: skip
    assert tuple(order) == IBUG68_IN_WFLW98
    from pathlib import Path

    comment = (Path(__file__).parents[1] / "msg" / "FaceLandmarks.msg").read_text()
    assert text in comment


def test_a_picture_there_and_back() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    message = travelled(ros_messages.image_message(picture, HEADER))
    assert np.array_equal(messages.open_image(message), picture)
    assert (
        ros_messages.image_message(picture[:, ::2], HEADER).step == 30
    )  # a view that is not contiguous


@pytest.mark.parametrize("message", [Image(), CompressedImage(format="jpeg"), Image(width=3)])
def test_an_empty_message_is_a_bad_image(message: object) -> None:
    with pytest.raises(BadImage):
        messages.open_image(message)  # type: ignore[arg-type]


def test_camera_info_takes_all_fields() -> None:
    message = CameraInfoMsg(header=HEADER, width=640, height=480, binning_x=2, binning_y=3)
    message.k, message.d = [float(i) for i in range(9)], [0.1, 0.2]
    message.roi.x_offset, message.roi.width = 5, 100
    out = messages.camera_info(message)
    assert (out.width, out.height, out.binning_x, out.binning_y) == (640, 480, 2, 3)
    assert out.k == tuple(range(9))
    assert out.d == (0.1, 0.2)
    assert (out.roi_x, out.roi_width, out.frame_id) == (5, 100, "cam")


@pytest.mark.parametrize("ns", [0, 1, 999_999_999, 1_000_000_000, 12_345_678_901_234])
def test_times_there_and_back(ns: int) -> None:
    assert messages.stamp_ns(ros_messages.time_message(ns)) == ns


def test_head_pose_message_has_the_fields_that_its_comment_names() -> None:
    assert {"roll", "pitch", "yaw", "has_position"} <= set(HeadPose.get_fields_and_field_types())
