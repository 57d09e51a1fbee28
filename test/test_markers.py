# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Heads and gazes in space, filled into ROS's own messages with all checks on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from atpn_ros.conversions.markers import NAMESPACES, markers
from atpn_ros.geometry import head_rotation
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Box, Face, FaceFrame, FaceState, Gaze, GazeSource, HeadPose

KINDS = SimpleNamespace(
    ColorRGBA=ColorRGBA, Header=Header, Marker=Marker, MarkerArray=MarkerArray, Point=Point
)
HEADER = Header(stamp=Time(sec=12, nanosec=34), frame_id="/cam")
ROTATION = head_rotation(0.1, -0.2, 0.4)
WHERE = np.array([0.2, -0.1, 0.9])
LOOKS = np.array([0.6, 0.0, -0.8])
POINTS = np.zeros((98, 2))


def face(position: bool = True, number: int = 7) -> Face:
    return Face(
        number, FaceState.TRACKED, Box(1, 2, 3, 4), np.float32(0.9), 0, 0, POINTS,  # type: ignore[arg-type]
        pose=HeadPose(ROTATION, WHERE if position else None, np.zeros((6, 6))),
        gaze=Gaze(LOOKS, GazeSource.EYES, np.float32(0.5)),  # type: ignore[arg-type]
    )  # fmt: skip


def lost() -> Face:
    return Face(7, FaceState.LOST, Box(1, 2, 3, 4), 0.1, 0, 0)


def shown(*faces: Face, header: Header = HEADER, scale: float = 1.0) -> list[Marker]:
    return markers(KINDS, FaceFrame(0, "/cam", 640, 480, faces), header, scale).markers


def by_name(*faces: Face, scale: float = 1.0) -> dict[str, Marker]:
    return {m.ns: m for m in shown(*faces, scale=scale)}


def array(points: list[Point]) -> np.ndarray:
    return np.array([(p.x, p.y, p.z) for p in points])


def test_each_face_has_one_marker_of_each_kind_with_its_id() -> None:
    made = shown(face(number=3), face(number=9))
    assert sorted((m.id, m.ns) for m in made) == sorted(
        (n, ns) for n in (3, 9) for ns in NAMESPACES
    )
    for marker in made:
        assert (marker.header.frame_id, marker.header.stamp.sec) == ("cam", 12)
        assert marker.action == Marker.ADD
        assert marker.lifetime.sec == 1
        assert marker.pose.orientation.w == 1.0
        assert marker.color.a > 0


def test_the_face_is_the_mean_head_where_its_pose_says() -> None:
    made = by_name(face())["faces"]
    assert made.type == Marker.LINE_LIST
    points = array(made.points)
    assert len(points) % 2 == 0
    np.testing.assert_allclose(points[:2], (MEAN_HEAD[:2] @ ROTATION.T) + WHERE, atol=1e-12)
    child = array(by_name(face(), scale=0.5)["faces"].points)
    np.testing.assert_allclose(child - WHERE, (points - WHERE) / 2, atol=1e-12)


def test_the_axes_are_the_heads_own_in_red_green_and_blue() -> None:
    made = by_name(face())["axes"]
    points = array(made.points)
    np.testing.assert_allclose(points[::2], [WHERE] * 3)
    np.testing.assert_allclose((points[1::2] - WHERE) / 0.1, ROTATION.T, atol=1e-9)
    hues = [max("rgb", key=lambda c, m=m: getattr(m, c)) for m in made.colors]
    assert hues == ["r", "r", "g", "g", "b", "b"]


def test_the_gaze_is_an_arrow_from_between_the_pupils() -> None:
    made = by_name(face())["gazes"]
    assert made.type == Marker.ARROW
    start, end = array(made.points)
    np.testing.assert_allclose((end - start) / np.linalg.norm(end - start), LOOKS, atol=1e-9)
    assert np.linalg.norm(start - WHERE) < 0.04
    assert 0.3 < made.color.a < 1.0


def test_the_id_stands_above_the_head() -> None:
    made = by_name(face())["ids"]
    assert (made.type, made.text) == (Marker.TEXT_VIEW_FACING, "#7")
    assert made.pose.position.y < WHERE[1] - 0.05  # y goes down


def test_a_lost_face_is_deleted() -> None:
    made = shown(lost())
    assert {(m.ns, m.id, m.action) for m in made} == {(n, 7, Marker.DELETE) for n in NAMESPACES}


def test_without_a_position_a_frame_or_a_face_there_is_nothing() -> None:
    assert shown() == []
    assert shown(face(position=False)) == []
    assert shown(face(), header=Header(frame_id="/")) == []
