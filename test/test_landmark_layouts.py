# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The maps between landmark layouts, checked against each other and against the mean head."""

import numpy as np
import pytest

from atpn_ros import landmark_layouts
from atpn_ros.landmark_layouts import (
    GROUPS98,
    HRI70_IN_WFLW98,
    IBUG68_IN_WFLW98,
    MIRROR98,
    POLYLINES98,
    to_ibug68,
)
from atpn_ros.pipeline.head_model import MEAN_HEAD

LEFT, UP = 1, 2  # axes of the head frame


@pytest.mark.parametrize(
    ("layout", "size"), [(IBUG68_IN_WFLW98, 68), (HRI70_IN_WFLW98, 70), (MIRROR98, 98)]
)
def test_each_index_is_used_once(layout, size):
    assert len(layout) == len(set(layout)) == size
    assert set(layout) <= set(range(98))


def test_mirroring_twice_changes_nothing():
    mirror = np.array(MIRROR98)
    np.testing.assert_array_equal(mirror[mirror], np.arange(98))


def test_mirroring_exchanges_the_sides_of_the_head():
    np.testing.assert_allclose(MEAN_HEAD[list(MIRROR98)], MEAN_HEAD * (1, -1, 1), atol=1e-9)


def test_right_is_the_persons_right():
    for right, left in (
        (landmark_layouts.RIGHT_EYE_OUTER, landmark_layouts.LEFT_EYE_OUTER),
        (landmark_layouts.RIGHT_EYE_INNER, landmark_layouts.LEFT_EYE_INNER),
        (landmark_layouts.RIGHT_MOUTH_CORNER, landmark_layouts.LEFT_MOUTH_CORNER),
        (landmark_layouts.RIGHT_PUPIL, landmark_layouts.LEFT_PUPIL),
    ):
        assert MEAN_HEAD[right, LEFT] < 0 < MEAN_HEAD[left, LEFT]
        assert MIRROR98[right] == left


def test_parts_lie_where_faces_have_them():
    height = {name: MEAN_HEAD[list(part), UP].mean() for name, part in GROUPS98.items()}
    assert height["brows"] > height["pupils"] > height["nose"] > height["mouth"]
    assert MEAN_HEAD[:, UP].argmin() == 16  # the chin


def test_pupils_lie_within_their_eyes():
    for pupil, eye in (
        (landmark_layouts.RIGHT_PUPIL, landmark_layouts.RIGHT_EYE),
        (landmark_layouts.LEFT_PUPIL, landmark_layouts.LEFT_EYE),
    ):
        points = MEAN_HEAD[list(eye), LEFT]
        assert points.min() < MEAN_HEAD[pupil, LEFT] < points.max()


def test_groups_cover_each_point_once():
    assert sorted(i for part in GROUPS98.values() for i in part) == list(range(98))


def test_lines_touch_every_point_but_the_pupils():
    assert {i for line in POLYLINES98 for i in line} == set(range(96))


@pytest.mark.parametrize(
    ("ibug", "wflw"),
    list(
        zip(
            (0, 8, 16, 17, 26, 27, 30, 33, 36, 39, 42, 45, 48, 54, 57, 60, 64, 67),
            (0, 16, 32, 33, 46, 51, 54, 57, 60, 64, 68, 72, 76, 82, 85, 88, 92, 95),
            strict=True,
        )
    ),
)
def test_known_points_of_ibug68(ibug, wflw):
    assert IBUG68_IN_WFLW98[ibug] == wflw


def test_to_ibug68_takes_batches():
    points = np.random.default_rng(1).normal(size=(3, 2, 98, 2))
    assert to_ibug68(points).shape == (3, 2, 68, 2)
    np.testing.assert_array_equal(to_ibug68(points)[1, 0, 8], points[1, 0, 16])


def test_hri70_ends_with_the_right_and_the_left_pupil():
    assert HRI70_IN_WFLW98[68:] == (96, 97)
