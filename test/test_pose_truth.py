# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Heads at known places, seen through every kind of lens: is their pose in space what it was?

The head is projected by the lens. What a network would say of it is worked out from the landmarks
in the crop alone, as the rotation that a distant head would have that looked like this there.
"""

from __future__ import annotations

import numpy as np
import pytest

from atpn_ros import geometry
from atpn_ros.camera import Camera, CameraInfo, camera_from_info
from atpn_ros.crop import crop_from_landmarks
from atpn_ros.engines import NetworkOutput
from atpn_ros.pipeline.estimator import EstimatorSettings, FaceEstimator
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.pipeline.track import Observation, Track
from atpn_ros.types import Face, Floats

K = (500.0, 0.0, 319.5, 0.0, 500.0, 239.5, 0.0, 0.0, 1.0)
LENSES = {
    "none": camera_from_info(CameraInfo(640, 480, K), 640, 480),
    "plumb_bob": camera_from_info(
        CameraInfo(640, 480, K, (-0.25, 0.07, 0.001, -0.0005, 0.0), "plumb_bob"), 640, 480
    ),
    "rational_polynomial": camera_from_info(
        CameraInfo(
            640, 480, K, (0.1, -0.05, 0.001, -0.001, 0.01, 0.3, -0.04, 0.001), "rational_polynomial"
        ),
        640, 480,
    ),
    "equidistant": camera_from_info(
        CameraInfo(640, 480, K, (0.02, -0.01, 0.003, -0.001), "equidistant"), 640, 480
    ),
    "rectified": camera_from_info(
        CameraInfo(
            640, 480, K, (-0.25, 0.07, 0.001, -0.0005, 0.0), "plumb_bob",
            r=tuple(geometry.about_y(0.08).ravel()),
            p=(480.0, 0, 310.0, 0, 0, 480.0, 250.0, 0, 0, 0, 1, 0),
        ),
        640, 480, rectified=True,
    ),
}  # fmt: skip
PLACES = [(0.0, 0.0, 1.5), (0.7, 0.0, 1.5), (-0.75, 0.45, 1.6), (0.5, -0.5, 2.5)]
TURNS = [(0.0, 0.0, 0.0), (0.3, -0.2, 0.5), (-0.6, 0.2, -0.7)]


def looks_like(points: Floats) -> Floats:
    """The rotation of a distant head that has these (98, 2) points: scaled orthography."""
    centred = MEAN_HEAD - MEAN_HEAD.mean(axis=0)
    affine, *_ = np.linalg.lstsq(centred, points - points.mean(axis=0), rcond=None)
    u, _, vt = np.linalg.svd(affine.T, full_matrices=False)
    x, y = u @ vt
    return np.stack([x, y, np.cross(x, y)])


def seen(lens: Camera, rotation: Floats, position: Floats, calibrated: bool = True) -> Face:
    """What is measured of a head that stands there."""
    landmarks = lens.project(MEAN_HEAD @ rotation.T + position)
    crop = crop_from_landmarks(landmarks)
    said = looks_like(crop.to_crop(landmarks))
    eyes = np.stack([said[:, 0], said[:, 0]])  # they look where the nose points
    output = NetworkOutput(
        np.zeros((1, 98, 2)), said[None], np.array([0.9]), np.full((1, 98), 0.01), eyes[None]
    )
    track = Track(1, 0, Observation(landmarks, 0.9, 0), 0, 0.9)
    estimator = FaceEstimator(EstimatorSettings(smoothing=None))
    return estimator.estimate(track, output, crop, 0, lens if calibrated else None)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("turn", TURNS)
def test_the_pose_in_space_is_what_it_was(
    lens: str, place: tuple[float, ...], turn: tuple[float, ...]
) -> None:
    rotation, position = geometry.head_rotation(*turn), np.array(place)
    face = seen(LENSES[lens], rotation, position)
    assert face.pose is not None
    assert face.gaze is not None
    # What remains is the perspective within the face, which a distant head does not have.
    assert np.degrees(geometry.angle_between(face.pose.rotation, rotation)) < 6
    assert np.degrees(np.arccos(face.gaze.direction @ rotation[:, 0])) < 6
    np.testing.assert_allclose(face.pose.position, position, atol=0.05 * position[2])
    error = np.asarray(face.pose.position) - position
    expected = np.linalg.solve(face.pose.covariance[:3, :3], error) @ error
    assert expected < 16.3  # 99.9 % of errors with this covariance are less (chi squared, 3)


@pytest.mark.parametrize("lens", LENSES)
def test_without_the_correction_a_face_far_from_the_axis_would_be_wrong(lens: str) -> None:
    """So that the test above shows something."""
    rotation, position = geometry.head_rotation(0, 0, 0), np.array((0.7, 0.0, 1.5))
    face = seen(LENSES[lens], rotation, position, calibrated=False)
    assert face.pose is not None
    assert np.degrees(geometry.angle_between(face.pose.rotation, rotation)) > 18


@pytest.mark.parametrize("lens", LENSES)
def test_a_head_that_looks_into_the_lens_does_so_wherever_it_stands(lens: str) -> None:
    for place in PLACES:
        position = np.array(place)
        ray = position / np.linalg.norm(position)
        face = seen(LENSES[lens], geometry.rotation_to_ray(ray) @ geometry.FACING, position)
        assert face.gaze is not None
        assert np.degrees(np.arccos(-face.gaze.direction @ ray)) < 6
