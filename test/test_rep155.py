# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faces in REP-155's words, filled into strict doubles of its messages."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpn_ros import landmark_layouts
from atpn_ros.conversions import rep155
from atpn_ros.geometry import FACING, about_z
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Box, Face, FaceFrame, FaceState
from doubles import hri_double as hri
from doubles.message_double import Header, Time

HEADER = Header(stamp=Time(sec=12, nanosec=34), frame_id="cam")


def face(x=320.0, y=240.0, turn=0.0, pixels_per_m=1000.0, sigma=None):
    points = (MEAN_HEAD @ (about_z(turn) @ FACING).T)[:, :2] * pixels_per_m + (x, y)
    return Face(
        7, FaceState.TRACKED, Box.around(points), np.float32(0.8), 0, 0, points,
        None if sigma is None else np.full(98, sigma),
    )  # fmt: skip


FRAME = FaceFrame(0, "cam", 640, 480)


@given(number=st.integers(1, 10**9), prefix=st.text(max_size=8))
def test_every_id_begins_with_a_letter_and_may_stand_in_a_topic(number, prefix):
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", rep155.face_id(number, prefix))


def test_ids_differ_as_the_faces_do():
    assert len({rep155.face_id(n, p) for n in range(50) for p in ("", "a_", "b_")}) == 150


def test_the_list_of_tracked_faces():
    message = rep155.tracked(hri, ("f1", "f4"), HEADER)
    assert message.ids == ["f1", "f4"]
    assert message.header is HEADER


def test_a_region_is_in_parts_of_the_picture():
    box = Box.from_xyxy(-0.5, 119.5, 319.5, 479.5)
    region = rep155.roi(hri, replace(face(), box=box), FRAME, HEADER)
    assert (region.xmin, region.ymin, region.xmax, region.ymax) == (0.0, 0.25, 0.5, 1.0)
    assert region.c == pytest.approx(0.8)


@given(x=st.floats(-1e4, 1e4), y=st.floats(-1e4, 1e4), scale=st.floats(1, 1e5))
def test_regions_and_points_stay_between_0_and_1_wherever_the_face_is(x, y, scale):
    odd = face(x, y, pixels_per_m=scale, sigma=3.0)
    region = rep155.roi(hri, odd, FRAME, HEADER)
    assert 0 <= region.xmin <= region.xmax <= 1
    assert 0 <= region.ymin <= region.ymax <= 1
    for point in rep155.landmarks(hri, odd, FRAME, HEADER).landmarks:
        assert 0 <= min(point.x, point.y, point.c) <= max(point.x, point.y, point.c) <= 1


def test_landmarks_carry_the_codes_of_their_message():
    """Each named point, looked up in the mean head, lies where its name says."""
    message = rep155.landmarks(hri, face(), FRAME, HEADER)
    assert (message.width, message.height, len(message.landmarks)) == (640, 480, 70)
    at = {n: message.landmarks[code] for n, code in hri.CODES.items()}
    xy = {n: np.array([p.x * 640 - 0.5, p.y * 480 - 0.5]) for n, p in at.items()}
    for name, (x, _) in xy.items():  # the person's right is the image's left
        if name.startswith("RIGHT_") or name.endswith(("_RIGHT", "NOSTRIL_1")):
            assert x < 319, name
        elif name.startswith("LEFT_") or name.endswith(("_LEFT", "NOSTRIL_5")):
            assert x > 321, name
        else:
            assert abs(x - 320) < 2, name
    down = [
        *("RIGHT_EYE_TOP_1", "RIGHT_EYE_BOTTOM_1", "NOSE", "NOSTRIL_1", "MOUTH_OUTER_TOP_3"),
        *("MOUTH_INNER_TOP_2", "MOUTH_INNER_BOTTOM_2", "MOUTH_OUTER_BOTTOM_3", "MENTON"),
    ]
    assert [xy[n][1] for n in down] == sorted(xy[n][1] for n in down)
    assert xy["RIGHT_EYEBROW_OUTSIDE"][1] < xy["RIGHT_EYE_OUTSIDE"][1]
    np.testing.assert_allclose(xy["SELLION"], (320, 240), atol=0.01)
    for side in ("RIGHT", "LEFT"):
        eye = [n for n in xy if n.startswith(f"{side}_EYE_")]
        np.testing.assert_allclose(
            xy[f"{side}_PUPIL"], np.mean([xy[n] for n in eye], axis=0), atol=8
        )
        # Each lid point above or below the one of the same number.
        for number in (1, 2):
            top, bottom = xy[f"{side}_EYE_TOP_{number}"], xy[f"{side}_EYE_BOTTOM_{number}"]
            assert abs(top[0] - bottom[0]) < 4


def test_a_point_is_as_sure_as_its_spread_is_small():
    def sure(sigma):
        return rep155.landmarks(hri, face(sigma=sigma), FRAME, HEADER).landmarks[30].c

    size = max(face().box.width, face().box.height)
    assert sure(None) == pytest.approx(0.8)
    assert sure(1e-9) == pytest.approx(0.8)
    # A normal spread in the plane: 1 - exp(-1/2) within one sigma.
    assert sure(rep155.NEAR * size) == pytest.approx(0.8 * 0.3935, abs=1e-3)
    assert sure(1e9) == pytest.approx(0, abs=1e-6)


def test_a_point_outside_the_picture_is_not_sure_at_all():
    points = rep155.landmarks(hri, face(x=0.0), FRAME, HEADER).landmarks
    assert points[hri.CODES["RIGHT_EAR"]].c == 0
    assert points[hri.CODES["RIGHT_EAR"]].x == 0
    assert points[hri.CODES["LEFT_EAR"]].c > 0


def test_a_lost_face_has_no_landmarks():
    with pytest.raises(ValueError, match="lost"):
        rep155.landmarks(hri, replace(face(), landmarks=None), FRAME, HEADER)


def picture_of(some):
    """Black, with a red dot on each eye and a green one on the mouth."""
    picture = np.zeros((480, 640, 3), np.uint8)
    for indices, colour in (
        (landmark_layouts.RIGHT_EYE, 2),
        (landmark_layouts.LEFT_EYE, 2),
        (range(76, 96), 1),
    ):
        x, y = some.landmarks[list(indices)].mean(axis=0).round().astype(int)
        picture[y - 2 : y + 3, x - 2 : x + 3, colour] = 255
    return picture


def middle(picture, channel):
    weight = picture[..., channel].astype(float)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("turn", np.radians([0, 40, -70]))
def test_an_aligned_face_stands_upright_and_a_cropped_one_as_it_is(turn):
    some = face(turn=turn)
    picture = picture_of(some)
    straight, as_is = rep155.aligned(picture, some), rep155.cropped(picture, some)
    assert straight.shape == as_is.shape == (128, 128, 3)
    down = middle(straight, 1) - middle(straight, 2)
    assert abs(down[0]) < 2
    assert down[1] > 25
    down = middle(as_is, 1) - middle(as_is, 2)
    assert np.arctan2(-down[0], down[1]) == pytest.approx(turn, abs=0.06)


def test_a_face_without_landmarks_is_only_cropped():
    some = replace(face(), landmarks=None)
    picture = picture_of(face())
    np.testing.assert_array_equal(rep155.aligned(picture, some), rep155.cropped(picture, some))
