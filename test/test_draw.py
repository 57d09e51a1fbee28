# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drawings: faces show where they are, whatever their numbers, and the picture stays as it was."""

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros.drawing.draw import draw, sparkline
from atpn_ros.drawing.overlay import caption
from atpn_ros.geometry import head_rotation
from atpn_ros.types import Box, Face, FaceFrame, FaceState, Gaze, GazeSource, HeadPose
from fakes import FACE


def face(x=150.0, y=120.0, radius=50.0, position=None, rotation=None):
    pose = HeadPose(
        head_rotation(0, 0, 0) if rotation is None else rotation, position, np.zeros((6, 6))
    )
    points = FACE * radius + (x, y)
    return Face(7, FaceState.TRACKED, Box.around(points), 0.91, 0, 0, points, pose=pose)


def lost(box):
    return Face(7, FaceState.LOST, box, 0.1, 0, 0)


def drawn(*faces, size=(240, 320)):
    picture = np.full((*size, 3), 128, np.uint8)
    result = draw(picture, FaceFrame(0, "", size[1], size[0], faces))
    assert (picture == 128).all()  # it draws on a copy
    assert result.shape == picture.shape
    return (result != 128).any(axis=2)


def test_without_faces_the_picture_is_the_same():
    assert not drawn().any()


def test_a_face_is_drawn_at_its_landmarks():
    changed = drawn(face())
    for x, y in face().landmarks[:96:4].round().astype(int):
        assert changed[y - 1 : y + 2, x - 1 : x + 2].any()
    assert not changed[100:, :60].any()  # the caption above is wider
    assert not changed[100:, 260:].any()


def test_a_lost_face_is_a_box():
    changed = drawn(lost(Box(150, 120, 60, 80)))
    assert changed[80:161, 120].all()
    assert changed[160, 120:181].all()
    assert not changed[100:140, 140:160].any()


@pytest.mark.parametrize("side", [-1, 1])
def test_the_red_axis_follows_the_nose_to_its_side(side):
    turned = face(rotation=head_rotation(0, 0, side * 1.2))
    result = draw(np.full((240, 320, 3), 128, np.uint8), FaceFrame(0, "", 320, 240, (turned,)))
    red = (result[..., 2] > 200) & (result[..., 1] < 100) & (result[..., 0] < 100)
    columns = np.nonzero(red)[1] - turned.landmarks[51, 0]
    assert (columns * side).max() > 20
    assert (columns * side).min() > -5


@pytest.mark.parametrize("size", [(1, 1), (5, 400), (400, 5), (240, 320)])
@pytest.mark.parametrize(
    "odd",
    [
        face(-1e3, -1e3),
        face(1e9, -1e9),
        face(radius=1e6),
        face(radius=1e-3),
        lost(Box(1e5, -1e5, 10, 10)),
        lost(Box(0, 0, 0, 0)),
    ],
    ids=["outside", "far", "huge", "tiny", "lost outside", "lost empty"],
)
def test_faces_anywhere_and_of_any_size_are_drawn_without_an_error(odd, size):
    drawn(odd, size=size)


def test_the_caption_says_what_is_known():
    known = face(position=np.array([0.1, 0.2, 1.234]), rotation=head_rotation(0.1, -0.2, 0.3))
    assert caption(known) == "#7  tracked  0.91  r+6 p-11 y+17  1.23 m"
    assert caption(face()).endswith("y+0")
    assert caption(replace(known, pose=None)) == "#7  tracked  0.91"
    assert caption(lost(Box(0, 0, 1, 1))) == "#7  lost  0.10"


@pytest.mark.parametrize(("source", "thick"), [(GazeSource.HEAD, 1), (GazeSource.EYES, 2)])
def test_a_gaze_is_a_ray_from_each_pupil(source, thick):
    looking = replace(face(), gaze=Gaze(np.array([1.0, 0.0, 0.0]), source, 0.5))
    picture = np.full((240, 320, 3), 128, np.uint8)
    without = draw(picture, FaceFrame(0, "", 320, 240, (face(),)))
    added = (draw(picture, FaceFrame(0, "", 320, 240, (looking,))) != without).any(axis=2)
    rows, columns = np.nonzero(added)
    eyes = looking.landmarks[96:98]
    # The arrow's head is a fifth of its length, and as wide.
    assert abs(rows - eyes[:, 1].mean()).max() < 0.1 * 0.8 * 100 + 3 + thick
    assert columns.max() > eyes[1, 0] + 60


@pytest.mark.parametrize("size", [(1, 1), (40, 40), (240, 320), (720, 1280)])
@pytest.mark.parametrize("values", [[], [0.0], [5.0] * 200, [1e9, 1.0]])
def test_a_sparkline_stays_in_its_corner(size, values):
    picture = np.full((*size, 3), 200, np.uint8)
    sparkline(picture, values, [True] * len(values))
    changed = (picture != 200).any(axis=2)
    assert not changed[:, size[1] * 3 // 4 :].any() or size[1] < 300
    assert not changed[: size[0] // 2].any() or size[0] < 100
    assert changed.any() == (bool(values) and size[0] >= 40)
