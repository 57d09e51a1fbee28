# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Positions of frames in each other: chains, times, and transforms that are wrong or missing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atpn_ros.geometry import about_x, about_z, quaternion
from atpn_ros.pipeline.transform_tree import (
    HISTORY_NS,
    TOLERANCE_NS,
    Transform,
    TransformError,
    TransformTree,
)
from atpn_ros.types import Floats

SECOND = 1_000_000_000
NOW = 1_000 * SECOND
UPRIGHT = (0.0, 0.0, 0.0, 1.0)


def pose(x: float, y: float, z: float, rotation: Floats | None = None) -> Transform:
    q = UPRIGHT if rotation is None else quaternion(rotation)
    return Transform(np.array([x, y, z]), np.array(q))


def robot() -> TransformTree:
    """A chest camera that looks along base_link's x, and eyes half a metre above it on a neck."""
    tree = TransformTree()
    optical = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # z forward, x right, y down
    tree.add("base_link", "camera", 0, pose(0.1, 0, 1.0, optical), is_static=True)
    tree.add("base_link", "neck", NOW, pose(0, 0, 1.5))
    tree.add("neck", "eyes", 0, pose(0.1, 0, 0), is_static=True)
    return tree


def test_the_eyes_are_above_the_camera() -> None:
    assert robot().position("eyes", "camera", NOW) == pytest.approx([0, -0.5, 0])


def test_a_frame_in_itself_and_in_its_parent() -> None:
    assert robot().position("camera", "camera", NOW) == pytest.approx([0, 0, 0])
    assert robot().position("camera", "base_link", NOW) == pytest.approx([0.1, 0, 1.0])


def test_a_leading_slash_does_not_matter() -> None:
    assert robot().position("/eyes", "/camera", NOW) == pytest.approx([0, -0.5, 0])


def test_rotations_on_both_sides_count() -> None:
    tree = TransformTree()
    tree.add("world", "a", 0, pose(1, 0, 0, about_z(math.pi / 2)), is_static=True)
    tree.add("a", "b", 0, pose(0, 0, 2, about_x(math.pi / 2)), is_static=True)
    tree.add("world", "c", 0, pose(0, 0, 1, about_z(math.pi)), is_static=True)
    tree.add("b", "tip", 0, pose(0, 0, 1), is_static=True)
    # tip in a: (0, 0, 2) + Rx(90) z = (0, -1, 2); in world: (1, 0, 0) + Rz(90) that = (2, 0, 2).
    assert tree.position("tip", "c", NOW) == pytest.approx([-2, 0, 1])


def test_between_two_times_the_transform_is_interpolated() -> None:
    tree = robot()
    tree.add("base_link", "neck", NOW + SECOND // 10, pose(0, 0, 1.7, about_z(0.2)))
    x, _, z = tree.position("eyes", "base_link", NOW + SECOND // 20)
    assert z == pytest.approx(1.6)
    assert x == pytest.approx(0.1 * math.cos(0.1))
    assert tree.position("neck", "base_link", NOW + SECOND // 10)[2] == pytest.approx(1.7)


def test_interpolation_takes_the_shorter_way() -> None:
    tree = TransformTree()
    tree.add("a", "b", NOW, pose(0, 0, 0, about_z(3.1)))
    q = np.array(quaternion(about_z(-3.1)))
    tree.add("a", "b", NOW + 2, Transform(np.zeros(3), -q))
    tree.add("b", "tip", 0, pose(1, 0, 0), is_static=True)
    assert tree.position("tip", "a", NOW + 1) == pytest.approx([-1, 0, 0], abs=1e-6)


@pytest.mark.parametrize("apart", [-TOLERANCE_NS, TOLERANCE_NS])
def test_a_transform_that_is_a_little_late_is_used_an_old_one_is_not(apart: int) -> None:
    tree = robot()
    assert tree.position("eyes", "camera", NOW + apart) == pytest.approx([0, -0.5, 0])
    with pytest.raises(TransformError, match=r"'neck' is 1\.1 s (older|newer)"):
        tree.position("eyes", "camera", NOW + apart + (apart // 10))


def test_images_without_a_stamp_get_the_newest() -> None:
    tree = robot()
    tree.add("base_link", "neck", NOW + SECOND, pose(0, 0, 1.8))
    assert tree.position("neck", "base_link", 0)[2] == pytest.approx(1.8)


def test_unknown_frames_are_named() -> None:
    tree = robot()
    with pytest.raises(TransformError, match="no frame 'nose'"):
        tree.position("nose", "camera", NOW)
    tree.add("other_root", "island", 0, pose(0, 0, 0), is_static=True)
    with pytest.raises(TransformError, match="no transform from 'camera' to 'island'"):
        tree.position("island", "camera", NOW)


def test_a_loop_ends() -> None:
    tree = TransformTree()
    tree.add("a", "b", NOW, pose(1, 0, 0))
    tree.add("b", "a", NOW, pose(1, 0, 0))
    tree.add("c", "d", NOW, pose(1, 0, 0))
    with pytest.raises(TransformError):
        tree.position("a", "d", NOW)


@pytest.mark.parametrize(
    "bad",
    [
        pose(math.nan, 0, 0),
        Transform(np.zeros(3), np.zeros(4)),
        Transform(np.zeros(3), np.array([0, 0, 0, math.inf])),
        Transform(np.zeros(3), np.array([0, 0, 0, 2.0])),
    ],
    ids=["nan", "zero", "inf", "long"],
)
def test_a_transform_that_is_no_pose_is_ignored(bad: Transform) -> None:
    tree = robot()
    tree.add("base_link", "neck", NOW + 1, bad)
    assert tree.position("eyes", "camera", NOW + 1) == pytest.approx([0, -0.5, 0])
    tree.add("base_link", "base_link", NOW, pose(0, 0, 0))
    tree.add("", "base_link", NOW, pose(0, 0, 0))
    assert tree.position("eyes", "camera", NOW + 1) == pytest.approx([0, -0.5, 0])


def test_only_the_latest_seconds_are_kept() -> None:
    tree = TransformTree()
    for n in range(40):
        tree.add("a", "b", NOW + n * SECOND, pose(n, 0, 0))
    assert len(tree._frames["b"].stamps_ns) == HISTORY_NS // SECOND + 1
    tree.add("a", "b", NOW, pose(-1, 0, 0))  # the clock went back
    assert tree.position("b", "a", NOW)[0] == -1


def test_frames_of_people_who_left_are_dropped() -> None:
    tree = robot()
    for n in range(100):
        tree.add("camera", f"face_{n}", NOW + n * SECOND, pose(0, 0, 2))
    assert len(tree._frames) < 20
    assert tree.position("camera", "base_link", NOW).tolist() == [0.1, 0, 1.0]  # static ones stay


def test_after_a_jump_in_time_the_static_ones_remain() -> None:
    tree = robot()
    tree.clear()
    assert tree.position("camera", "base_link", 5).tolist() == [0.1, 0, 1.0]
    with pytest.raises(TransformError, match="no transform from 'camera' to 'eyes'"):
        tree.position("eyes", "camera", NOW)
