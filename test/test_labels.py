# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Captions neither cover each other nor leave the picture, however many faces there are."""

from itertools import combinations

import numpy as np
import pytest

from atpn_ros.drawing.draw import draw, sparkline_area
from atpn_ros.drawing.labels import place_labels
from atpn_ros.geometry import head_rotation
from atpn_ros.types import Box, Face, FaceFrame, FaceState, Gaze, GazeSource, HeadPose
from fakes import FACE


def face(number, x, y, radius=30.0, looking=False):
    pose = HeadPose(head_rotation(0, 0, 0), np.array([0.1, 0.2, 1.5]), np.zeros((6, 6)))
    gaze = Gaze(np.array([0.0, 0.0, -1.0]), GazeSource.EYES, 0.9, looking=looking)
    points = FACE * radius + (x, y)
    box = Box.around(points)
    return Face(number, FaceState.TRACKED, box, 0.9, 0, 0, points, pose=pose, gaze=gaze)


def measure(lines, _face):
    return 7.0 * max(map(len, lines)), 14.0 * len(lines)


def overlap(a, b):
    ax0, ay0, ax1, ay1 = a.xyxy
    bx0, by0, bx1, by1 = b.xyxy
    return min(ax1, bx1) > max(ax0, bx0) and min(ay1, by1) > max(ay0, by0)


def checked(labels, width, height, reserved=()):
    for label in labels:
        x0, y0, x1, y1 = label.box.xyxy
        assert x0 >= 0 and y0 >= 0 and x1 <= width - 1 and y1 <= height - 1  # noqa: PT018
    for a, b in combinations([*(x.box for x in labels), *reserved], 2):
        assert not overlap(a, b)
    return {label.face.id: label for label in labels}


def test_a_lone_face_has_its_whole_caption_above():
    (label,) = place_labels([face(1, 320, 240)], 640, 480, measure)
    assert label.lines == ("#1  tracked  0.90  r+0 p+0 y+0  1.50 m",)
    assert label.box.xyxy[3] < face(1, 320, 240).box.xyxy[1]


@pytest.mark.parametrize(("x", "y"), [(0, 240), (639, 240), (320, 0), (320, 479), (5, 5)])
def test_at_every_border_the_caption_stays_in_the_picture(x, y):
    assert len(checked(place_labels([face(1, x, y)], 640, 480, measure), 640, 480)) == 1


def test_faces_side_by_side_have_captions_that_do_not_overlap():
    row = [face(n, 60 + 70 * n, 200) for n in range(1, 9)]
    labels = checked(place_labels(row, 640, 480, measure), 640, 480)
    assert labels.keys() == set(range(1, 9))


def test_many_faces_at_random_places():
    rng = np.random.default_rng(0)
    for _ in range(20):
        count = int(rng.integers(2, 40))
        faces = [
            face(n, *rng.uniform((0, 0), (640, 480)).tolist(), rng.uniform(5, 120))
            for n in range(count)
        ]
        reserved = [Box.from_xyxy(4, 430, 184, 476)]
        checked(place_labels(faces, 640, 480, measure, reserved), 640, 480, reserved)


def test_a_caption_covers_other_faces_only_where_there_is_no_other_place():
    below, above = face(1, 320, 240), face(2, 320, 170)
    labels = checked(place_labels([below, above], 640, 480, measure), 640, 480)
    for label in labels.values():
        assert not any(overlap(label.box, f.box) for f in (below, above))
    full = face(1, 320, 240, radius=400)
    assert len(place_labels([full], 640, 480, measure)) == 1


def test_a_caption_that_is_wider_than_the_picture_has_two_lines_or_the_id_alone():
    (label,) = place_labels([face(1, 90, 120, radius=20)], 180, 240, measure)
    assert label.lines == ("#1  tracked  0.90", "r+0 p+0 y+0  1.50 m")
    (label,) = place_labels([face(1, 90, 120, radius=20)], 180, 240, measure, two_lines=False)
    assert label.lines == ("#1",)
    assert place_labels([face(1, 5, 5, radius=3)], 10, 10, measure) == []


def test_a_tracked_face_has_priority_over_a_lost_one():
    lost = Face(1, FaceState.LOST, Box(320, 240, 300, 300), 0.1, 0, 0)
    labels = place_labels([lost, face(2, 320, 240)], 640, 480, measure)
    assert [label.face.id for label in labels] == [2, 1]


@pytest.mark.parametrize("box", [Box(np.nan, 0, 5, 5), Box(1e9, -1e9, 5, 5), Box(0, 0, 0, 0)])
def test_boxes_anywhere_do_not_raise(box):
    lost = Face(1, FaceState.LOST, box, 0.1, 0, 0)
    checked(place_labels([lost, face(2, 320, 240)], 640, 480, measure), 640, 480)


# In drawn pictures ------------------------------------------------------------------------------


def drawn(*faces, size=(480, 640), reserved=()):
    picture = np.full((*size, 3), 128, np.uint8)
    return draw(picture, FaceFrame(0, "", size[1], size[0], faces), reserved)


def white(picture):
    return (picture > 180).all(axis=2)


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (120, 160)])
def test_all_of_a_caption_is_drawn_within_the_picture(size):
    """The caption of a face in the middle and of one at the border have as many white pixels."""
    height, width = size
    radius = height / 30
    middle, *others = (
        white(drawn(face(1, x, y, radius), size=size)).sum()
        for x, y in ((width / 2, height / 2), (0, 0), (width, height), (0, height))
    )
    assert middle > 0
    assert all(abs(int(n) - int(middle)) < 0.05 * middle for n in others)


def test_captions_do_not_cover_each_other():
    faces = [face(n, 150 + 90 * n, 240) for n in (1, 2, 3)]
    alone = sum(int(white(drawn(f)).sum()) for f in faces)
    together = int(white(drawn(*faces)).sum())
    assert abs(together - alone) < 0.1 * alone


def test_the_latency_chart_covers_no_caption():
    area = sparkline_area(np.zeros((480, 640, 3), np.uint8))
    x0, y0, x1, y1 = (round(v) for v in area.xyxy)
    lost = Face(1, FaceState.LOST, Box(90, 455, 30, 30), 0.1, 0, 0)
    shown = white(drawn(lost, reserved=[area]))
    assert shown.any()
    assert not shown[y0:y1, x0:x1].any()
    assert sparkline_area(np.zeros((10, 10, 3), np.uint8)).width == 0


def test_a_gaze_into_the_camera_is_drawn_as_rings_in_the_colour_of_looking():
    """Its ray is a point in the picture; the rings around the irises show it."""
    for looking, green in ((True, True), (False, False)):
        picture = drawn(face(1, 320, 240, radius=60, looking=looking))
        blue, mid, red = (picture[..., i].astype(int) for i in range(3))
        is_green = (mid > 240) & (red < 140) & (blue < 180)
        is_pink = (red > 200) & (blue > 200) & (mid < 160)
        assert (is_green if green else is_pink).sum() > 60
        # The green axis points to the right; the rings are left and above.
        assert not (is_pink if green else is_green)[:, :320].any()
