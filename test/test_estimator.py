# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Poses and gazes of held faces; the network's answers are made up here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros import geometry
from atpn_ros.camera import CameraInfo, camera_from_info
from atpn_ros.crop import Crop
from atpn_ros.engines import NetworkOutput
from atpn_ros.pipeline.estimator import OPEN, EstimatorSettings, FaceEstimator, eye_openness
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.pipeline.track import Observation, Track
from atpn_ros.types import HEAD_GAZE_SPREAD, Face, GazeSource

CAMERA = camera_from_info(
    CameraInfo(640, 480, (600.0, 0, 319.5, 0, 600.0, 239.5, 0, 0, 1)), 640, 480
)
RAW = EstimatorSettings(smoothing=None)
FACING = geometry.head_rotation(0, 0, 0)
LANDMARKS = (MEAN_HEAD @ FACING.T)[:, :2] * 1000 + (320, 240)


def shut(landmarks: np.ndarray, right: bool, left: bool) -> np.ndarray:
    out = landmarks.copy()
    lids = ((right, (61, 62, 63), (67, 66, 65)), (left, (69, 70, 71), (75, 74, 73)))
    for closed, upper, lower in lids:
        if closed:
            out[list(upper)] = out[list(lower)]
    return out


def measured(
    landmarks: np.ndarray = LANDMARKS,
    gaze: np.ndarray | None = None,
    crop: Crop | None = None,
    camera: object = None,
    rotation: np.ndarray = FACING,
    spreads: tuple[float, float] | None = None,
) -> Face:
    track = Track(3, 0, Observation(landmarks, 0.9, 0), 0, 0.9)
    output = NetworkOutput(
        np.zeros((1, 98, 2)), rotation[None], np.array([0.9]), None,
        None if gaze is None else gaze[None],
        None if spreads is None else np.array([spreads]),
    )  # fmt: skip
    where = crop or Crop(320, 240, 200)
    return FaceEstimator(RAW).estimate(track, output, where, 0, camera)  # type: ignore[arg-type]


def test_without_eyes_the_gaze_goes_along_the_face() -> None:
    face = measured(rotation=geometry.head_rotation(0, 0, 0.4))
    assert face.gaze is not None
    assert face.pose is not None
    assert face.gaze.source is GazeSource.HEAD
    assert np.allclose(face.gaze.direction, face.pose.rotation[:, 0])


def test_open_eyes_decide_and_their_mean_is_taken() -> None:
    eyes = np.array([[0.1, 0.0, -1.0], [-0.1, 0.2, -1.0]])
    eyes /= np.linalg.norm(eyes, axis=1, keepdims=True)
    gaze = measured(gaze=eyes).gaze
    assert gaze is not None
    assert gaze.source is GazeSource.EYES
    mean = eyes.mean(axis=0)
    assert np.allclose(gaze.direction, mean / np.linalg.norm(mean))
    assert 0.5 < gaze.confidence <= 0.9


def test_the_more_certain_eye_counts_more_and_the_gaze_tells_its_spread() -> None:
    eyes = np.array([[0.6, 0.0, -0.8], [0.0, 0.0, -1.0]])
    gaze = measured(gaze=eyes, spreads=(0.2, 0.02)).gaze
    assert gaze is not None
    assert gaze.source is GazeSource.EYES
    assert 0 < np.degrees(np.arcsin(gaze.direction[0])) < 2
    assert 0.02 <= gaze.spread < 0.03


@pytest.mark.parametrize("spread", [0.5, np.inf, np.nan])
def test_eyes_whose_direction_is_not_known_give_the_heads_direction(spread: float) -> None:
    eyes = np.array([[0.6, 0.0, -0.8], [0.6, 0.0, -0.8]])
    gaze = measured(gaze=eyes, spreads=(spread, spread)).gaze
    assert gaze is not None
    assert gaze.source is GazeSource.HEAD
    assert gaze.direction.tolist() == [0, 0, -1]
    assert gaze.spread == HEAD_GAZE_SPREAD


@pytest.mark.parametrize(("right", "left"), [(True, False), (False, True)])
def test_a_shut_eye_has_no_say(right: bool, left: bool) -> None:
    eyes = np.array([[0.6, 0.0, -0.8], [-0.6, 0.0, -0.8]])
    gaze = measured(shut(LANDMARKS, right, left), eyes).gaze
    assert gaze is not None
    assert np.allclose(gaze.direction, eyes[1] if right else eyes[0])


@pytest.mark.parametrize(
    "eyes",
    [
        np.full((2, 3), np.nan),
        np.array([[1.0, 0, 0], [-1.0, 0, 0]]),
        np.zeros((2, 3)),
    ],
    ids=["not finite", "contradicting", "zero"],
)
def test_eyes_that_make_no_sense_fall_back_to_the_head(eyes: np.ndarray) -> None:
    gaze = measured(gaze=eyes).gaze
    assert gaze is not None
    assert gaze.source is GazeSource.HEAD


def test_both_eyes_shut_fall_back_to_the_head() -> None:
    eyes = np.tile((0.0, 0.0, -1.0), (2, 1))
    gaze = measured(shut(LANDMARKS, True, True), eyes).gaze
    assert gaze is not None
    assert gaze.source is GazeSource.HEAD


def test_gaze_turns_with_the_crop_and_with_its_ray() -> None:
    """Someone at the image's edge who looks into the lens looks along the ray, not along z."""
    eyes = np.tile((0.0, 0.0, -1.0), (2, 1))
    crop = Crop(600, 60, 120, angle=0.5)
    gaze = measured(gaze=eyes, crop=crop, camera=CAMERA).gaze
    assert gaze is not None
    ray = CAMERA.rays(np.array([[600.0, 60.0]]))[0]
    assert np.allclose(gaze.direction, -ray / np.linalg.norm(ray))
    tilted = np.tile((0.6, 0.0, -0.8), (2, 1))
    gaze = measured(gaze=tilted, crop=replace(crop, cx=319.5, cy=239.5), camera=CAMERA).gaze
    assert gaze is not None
    assert np.allclose(gaze.direction, geometry.about_z(0.5) @ (0.6, 0.0, -0.8))


def test_openness_is_lid_distance_over_width() -> None:
    open_eyes = eye_openness(LANDMARKS)
    assert (open_eyes > OPEN).all()
    assert eye_openness(shut(LANDMARKS, True, False))[0] == 0
    assert eye_openness(LANDMARKS * 3) == pytest.approx(open_eyes)
    assert eye_openness(np.zeros((98, 2))).tolist() == [0, 0]


def test_smoothed_gaze_stays_a_unit_vector_and_follows() -> None:
    estimator = FaceEstimator(EstimatorSettings())
    track = Track(3, 0, Observation(LANDMARKS, 0.9, 0), 0, 0.9)
    angles = np.linspace(-0.6, 0.6, 30)
    for n, angle in enumerate(angles):
        eyes = np.tile((np.sin(angle), 0.0, -np.cos(angle)), (2, 1))
        output = NetworkOutput(
            np.zeros((1, 98, 2)), FACING[None], np.array([0.9]), None, eyes[None]
        )
        face = estimator.estimate(track, output, Crop(320, 240, 200), n * 33_000_000, None)
        assert face.gaze is not None
        assert np.linalg.norm(face.gaze.direction) == pytest.approx(1)
    assert np.arctan2(face.gaze.direction[0], -face.gaze.direction[2]) > 0.4
