# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lines over the camera's picture for Foxglove, filled into strict doubles of its messages."""

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros.conversions.annotations import image_annotations
from atpn_ros.drawing.overlay import caption
from atpn_ros.geometry import head_rotation
from atpn_ros.types import Box, Face, FaceFrame, FaceState, Gaze, GazeSource, HeadPose
from doubles import foxglove_double as foxglove
from doubles.message_double import Header, Time
from fakes import FACE

HEADER = Header(stamp=Time(sec=12, nanosec=34), frame_id="cam")
POINTS = FACE * 50 + (150, 120)
ROTATION = head_rotation(0.1, 0.2, 0.5)
TRACKED = Face(
    7, FaceState.TRACKED, Box.around(POINTS), np.float32(0.9), 0, 0, POINTS,
    pose=HeadPose(ROTATION, None, np.zeros((6, 6))),
    gaze=Gaze(ROTATION[:, 0], GazeSource.EYES, np.float32(0.5)),
)  # fmt: skip
LOST = Face(8, FaceState.LOST, Box(50, 60, 20, 30), 0.1, 0, 0)


def filled(*faces):
    return image_annotations(foxglove, FaceFrame(0, "cam", 320, 240, faces), HEADER)


def test_without_faces_the_message_is_empty_and_clears_the_picture():
    message = filled()
    assert message.circles == message.points == message.texts == []


def test_a_face_is_its_lines_its_axes_and_its_gaze():
    message = filled(TRACKED)
    contour, *_ = message.points
    assert contour.type == foxglove.PointsAnnotation.LINE_STRIP
    assert len(contour.points) == 33
    # Counted from the first pixel's corner.
    assert contour.points[16].x == pytest.approx(POINTS[16, 0] + 0.5)
    assert contour.points[16].y == pytest.approx(POINTS[16, 1] + 0.5)
    assert len(message.points) == 9 + 3 + 2
    red = [p for p in message.points if p.outline_color.r > 0.9 and p.outline_color.g < 0.3]
    (nose,) = red
    assert nose.points[1].x > nose.points[0].x + 5  # yaw > 0: to the image's right
    assert {c.diameter for c in message.circles} == {100 / 10}
    assert len(message.circles) == 2
    (text,) = message.texts
    assert text.text == caption(TRACKED)
    assert text.position.y < TRACKED.box.cy - TRACKED.box.height / 2


def test_a_lost_face_is_a_box():
    message = filled(LOST)
    (box,) = message.points
    assert [(p.x, p.y) for p in box.points] == [
        (40.5, 45.5), (60.5, 45.5), (60.5, 75.5), (40.5, 75.5), (40.5, 45.5),
    ]  # fmt: skip
    assert message.circles == []
    assert len(message.texts) == 1


def test_every_part_has_the_images_stamp():
    message = filled(TRACKED, LOST)
    for part in (message, *message.points, *message.circles, *message.texts):
        assert part.timestamp is HEADER.stamp


def test_releases_without_a_stamp_of_the_whole_are_filled_too(monkeypatch):
    kinds = {"circles": "Circle", "points": "Points", "texts": "Text"}
    fields = {
        name: foxglove.Sequence(getattr(foxglove, f"{kind}Annotation"))
        for name, kind in kinds.items()
    }
    older = foxglove.message("ImageAnnotations", **fields)
    monkeypatch.setattr(foxglove, "ImageAnnotations", older)
    assert len(filled(TRACKED).texts) == 1


def test_a_face_without_pose_and_gaze_is_drawn():
    assert len(filled(replace(TRACKED, pose=None, gaze=None)).points) == 9
