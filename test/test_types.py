# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes, and what a frame must be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpn_ros.types import Box, Frame

numbers = st.floats(-1e4, 1e4)
# Far thinner sides than a hundredth of a pixel are lost in the rounding of the edges.
sides = st.just(0.0) | st.floats(0.01, 1e4)
boxes = st.builds(Box, numbers, numbers, sides, sides)


@given(a=boxes, b=boxes)
def test_iou_is_symmetric_and_between_0_and_1(a, b):
    assert 0 <= a.iou(b) <= 1 + 1e-6
    assert a.iou(b) == pytest.approx(b.iou(a), abs=1e-6)


@given(box=boxes)
def test_xyxy_there_and_back(box):
    again = Box.from_xyxy(*box.xyxy)
    assert (again.cx, again.cy, again.width, again.height) == pytest.approx(
        (box.cx, box.cy, box.width, box.height), abs=1e-6
    )


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Box(0, 0, 4, 4), 1.0),
        (Box(2, 0, 4, 4), 1 / 3),
        (Box(0, 0, 2, 2), 1 / 4),
        (Box(4, 0, 4, 4), 0.0),  # touching
        (Box(9, 9, 4, 4), 0.0),
        (Box(0, 0, 0, 0), 0.0),
    ],
)
def test_iou_of_known_boxes(other, expected):
    assert Box(0, 0, 4, 4).iou(other) == pytest.approx(expected)


def test_the_box_around_points_is_tight():
    assert Box.around(np.array([[1.0, 8.0], [5.0, 2.0], [3.0, 3.0]])) == Box(3, 5, 4, 6)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 5), np.uint8),
        np.zeros((4, 5, 4), np.uint8),
        np.zeros((4, 5, 3), np.float32),
        np.zeros((1, 4, 5, 3), np.uint8),
    ],
)
def test_a_frame_that_is_no_bgr_picture_is_refused_with_its_shape(image):
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8, is \("):
        Frame(image, 0)
