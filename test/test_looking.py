# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a person looks at the camera or at another target, how surely, and for how long."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atpn_ros import geometry
from atpn_ros.camera import Camera, CameraInfo, camera_from_info
from atpn_ros.crop import Crop
from atpn_ros.engines import NetworkOutput
from atpn_ros.pipeline.estimator import EstimatorSettings, FaceEstimator
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.pipeline.looking import (
    CAMERA_ORIGIN,
    HYSTERESIS,
    LookingEstimator,
    LookingSettings,
    angle_between_directions,
    line_to_target,
)
from atpn_ros.pipeline.track import Observation, Track
from atpn_ros.types import HEAD_GAZE_SPREAD, Face, Floats, Gaze, GazeSource

INTO_LENS = np.array([0.0, 0.0, -1.0])
TEN = LookingSettings(math.radians(10), delay_ns=0)
_INFO = CameraInfo(640, 480, (600.0, 0, 319.5, 0, 600.0, 239.5, 0, 0, 1))
CAMERA = camera_from_info(_INFO, 640, 480)


def turned(degrees: float, spread: float = 0.0, source: GazeSource = GazeSource.EYES) -> Gaze:
    """A gaze that misses the lens by an angle."""
    angle = math.radians(degrees)
    direction = np.array([math.sin(angle), 0.0, -math.cos(angle)])
    return Gaze(direction, source, 0.9, math.radians(spread))


def test_the_angle_is_that_between_gaze_and_line() -> None:
    gaze = LookingEstimator(TEN).estimate(1, turned(7), INTO_LENS * 3, 0)
    assert gaze.angle_to_target == pytest.approx(math.radians(7))
    assert gaze.looking


@pytest.mark.parametrize(
    ("spread", "limit"), [(0.0, 10.0), (6.0, math.hypot(10, 6)), (17.2, math.hypot(10, 17.2))]
)
def test_an_uncertain_gaze_has_a_wider_limit(spread: float, limit: float) -> None:
    for degrees, expected in ((limit - 0.1, True), (limit + 0.1, False)):
        gaze = LookingEstimator(TEN).estimate(1, turned(degrees, spread), INTO_LENS, 0)
        assert gaze.looking is expected


def test_a_gaze_that_wavers_about_the_limit_does_not_flicker() -> None:
    looking = LookingEstimator(TEN)
    said = [looking.estimate(1, turned(a), INTO_LENS, 0).looking for a in (11, 9, 11, 9, 12, 11)]
    assert said == [False, True, True, True, True, True]
    said = [looking.estimate(1, turned(a), INTO_LENS, 0).looking for a in (10 * HYSTERESIS + 1, 11)]
    assert said == [False, False]


def test_each_track_has_its_own_hysteresis_until_it_is_lost() -> None:
    looking = LookingEstimator(TEN)
    looking.estimate(1, turned(0), INTO_LENS, 0)
    assert looking.estimate(1, turned(11), INTO_LENS, 0).looking
    assert not looking.estimate(2, turned(11), INTO_LENS, 0).looking
    looking.drop(1)
    assert not looking.estimate(1, turned(11), INTO_LENS, 0).looking
    looking.estimate(1, turned(0), INTO_LENS, 0)
    looking.reset()
    assert not looking.estimate(1, turned(11), INTO_LENS, 0).looking


def test_a_blink_of_a_person_who_faces_the_target_does_not_end_it() -> None:
    """While the eyes are shut the gaze is the head's, which points elsewhere and is uncertain."""
    looking = LookingEstimator(TEN)
    looking.estimate(1, turned(2, 4), INTO_LENS, 0)
    blink = turned(15, math.degrees(HEAD_GAZE_SPREAD), GazeSource.HEAD)
    assert looking.estimate(1, blink, INTO_LENS, 0).looking


def test_without_a_line_nothing_is_known() -> None:
    looking = LookingEstimator(TEN)
    assert looking.estimate(1, turned(0), INTO_LENS, 0).looking
    unknown = looking.estimate(1, turned(0), None, 0)
    assert unknown.angle_to_target is None
    assert not unknown.looking
    assert not looking.estimate(1, turned(11), INTO_LENS, 0).looking  # it begins anew


def test_the_line_to_the_camera_needs_no_position_that_to_another_target_does() -> None:
    ray, position = np.array([0.1, 0.0, 1.0]), np.array([0.2, 0.0, 2.0])
    elsewhere = np.array([0.0, -0.5, 0.0])
    assert line_to_target(CAMERA_ORIGIN, None, ray) == pytest.approx(-ray)
    assert line_to_target(CAMERA_ORIGIN, position, ray) == pytest.approx(-position)
    assert line_to_target(elsewhere, position, ray) == pytest.approx([-0.2, -0.5, -2.0])
    assert line_to_target(elsewhere, None, ray) is None
    assert line_to_target(None, position, ray) is None


@pytest.mark.parametrize("bad", [np.zeros(3), np.array([np.nan, 0, 1])])
def test_a_vector_without_direction_has_no_angle(bad: Floats) -> None:
    assert angle_between_directions(INTO_LENS, bad) is None


def test_small_angles_are_exact() -> None:
    tiny = np.array([1e-9, 0.0, -1.0])
    assert angle_between_directions(INTO_LENS, tiny) == pytest.approx(1e-9)


STEP = 33_000_000


def said(settings: LookingSettings, angles: list[float], step_ns: int = STEP) -> list[bool]:
    """Whether a person looks, frame by frame, whose gaze misses the lens by these angles."""
    looking = LookingEstimator(settings)
    gazes = [
        looking.estimate(1, turned(angle), INTO_LENS, n * step_ns) for n, angle in enumerate(angles)
    ]
    return [gaze.looking for gaze in gazes]


def test_a_glance_shorter_than_the_delay_changes_nothing() -> None:
    settings = LookingSettings(math.radians(10), delay_ns=200_000_000)
    assert said(settings, [0] * 3 + [40] * 6 + [0] * 3) == [True] * 12
    assert said(settings, [40] * 3 + [0] * 6 + [40] * 3) == [False] * 12
    assert said(settings, [0] * 3 + [40] * 9) == [True] * 10 + [False] * 2  # 7 * 33 ms later


# In the estimator, with heads that stand somewhere --------------------------------------------


def seen(
    position: Floats,
    looks_at: Floats,
    camera: Camera | None = CAMERA,
    target: Floats | None = CAMERA_ORIGIN,
) -> Face:
    """A head whose face and eyes point at a place, as an ideal network sees it."""
    towards = looks_at - position
    forward = towards / np.linalg.norm(towards)
    left = np.cross([0.0, -1.0, 0.0], forward)
    left /= np.linalg.norm(left)
    rotation = np.stack([forward, left, np.cross(forward, left)], axis=1)
    points = MEAN_HEAD @ rotation.T + position
    pixels = points[:, :2] / points[:, 2:] * 600.0 + (319.5, 239.5)
    middle = (pixels.min(axis=0) + pixels.max(axis=0)) / 2
    # The network sees the crop as if its centre lay on the optical axis.
    turn = geometry.rotation_to_ray(np.append((middle - (319.5, 239.5)) / 600.0, 1.0))
    output = NetworkOutput(
        np.zeros((1, 98, 2)), (turn.T @ rotation)[None], np.array([0.9]), None,
        np.tile(turn.T @ forward, (1, 2, 1)), np.full((1, 2), 0.05),
    )  # fmt: skip
    track = Track(1, 0, Observation(pixels, 0.9, 0), 0, 0.9)
    estimator = FaceEstimator(EstimatorSettings(smoothing=None, looking=TEN))
    return estimator.estimate(track, output, Crop(*middle.tolist(), 200), 0, camera, target)


ROBOTS_EYES = np.array([0.0, -0.6, -0.1])
"""Above the camera in the robot's chest."""


@pytest.mark.parametrize("x", [-0.8, 0.0, 0.7])
def test_someone_anywhere_in_the_picture_looks_at_what_they_look_at(x: float) -> None:
    person = np.array([x, -0.3, 2.0])
    at_camera, at_eyes = (seen(person, place) for place in (CAMERA_ORIGIN, ROBOTS_EYES))
    assert at_camera.gaze is not None
    assert at_eyes.gaze is not None
    assert at_camera.gaze.angle_to_target == pytest.approx(0, abs=0.02)
    assert at_camera.gaze.looking
    assert not at_eyes.gaze.looking
    at_camera, at_eyes = (
        seen(person, place, target=ROBOTS_EYES) for place in (CAMERA_ORIGIN, ROBOTS_EYES)
    )
    assert at_eyes.gaze is not None
    assert at_camera.gaze is not None
    assert at_eyes.gaze.angle_to_target == pytest.approx(0, abs=0.03)
    assert at_eyes.gaze.looking
    assert not at_camera.gaze.looking


def test_without_a_calibration_only_the_camera_can_be_looked_at() -> None:
    person = np.array([0.7, 0.0, 2.0])
    gaze = seen(person, CAMERA_ORIGIN, camera=None).gaze
    assert gaze is not None
    assert gaze.angle_to_target == pytest.approx(0, abs=0.03)
    assert gaze.looking
    gaze = seen(person, ROBOTS_EYES, camera=None, target=ROBOTS_EYES).gaze
    assert gaze is not None
    assert gaze.angle_to_target is None
    assert not gaze.looking
