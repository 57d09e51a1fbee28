# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The mean head, and that a head of its size is found where it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atpn_ros import landmark_layouts
from atpn_ros.camera import CameraInfo, camera_from_info
from atpn_ros.geometry import head_rotation
from atpn_ros.pipeline.head_model import MEAN_HEAD, SIZE_SPREAD, PositionError, locate_head

K = (600.0, 0.0, 320.0, 0.0, 600.0, 240.0, 0.0, 0.0, 1.0)
CAMERAS = {
    "plain": camera_from_info(CameraInfo(640, 480, K), 640, 480),
    "distorted": camera_from_info(
        CameraInfo(640, 480, K, (-0.25, 0.06, 0.001, -0.0005, 0.0), "plumb_bob"), 640, 480
    ),
    "fisheye": camera_from_info(
        CameraInfo(640, 480, K, (0.02, -0.01, 0.003, -0.001), "equidistant"), 640, 480
    ),
}
PLACES = [(0, 0, 0.6), (0.15, -0.1, 0.5), (-0.4, 0.2, 1.2), (0.8, 0.5, 3.0)]


def rays_of(camera, rotation, position, scale=1.0):
    return camera.rays(camera.project(MEAN_HEAD @ rotation.T * scale + position))


def test_the_mean_head_is_symmetric_and_of_human_size():
    mirrored = MEAN_HEAD[list(landmark_layouts.MIRROR98)] * (1, -1, 1)
    np.testing.assert_allclose(mirrored, MEAN_HEAD, atol=1e-9)
    np.testing.assert_array_equal(MEAN_HEAD[51], 0)  # the sellion
    pupils = MEAN_HEAD[landmark_layouts.LEFT_PUPIL] - MEAN_HEAD[landmark_layouts.RIGHT_PUPIL]
    assert 0.057 < pupils[1] < 0.069  # adults' mean is about 63 mm
    chin, brow = MEAN_HEAD[16], MEAN_HEAD[35]
    assert brow[2] > 0 > chin[2]


@pytest.mark.parametrize("camera", sorted(CAMERAS))
@pytest.mark.parametrize("position", PLACES)
@pytest.mark.parametrize("angles", [(0, 0, 0), (0.3, -0.2, 0.6), (-1, 0.4, -0.9)])
def test_a_head_is_found_to_a_millimetre(camera, position, angles):
    rotation = head_rotation(*angles)
    rays = rays_of(CAMERAS[camera], rotation, position)
    got, _ = locate_head(rays, rotation, 1e-3)
    np.testing.assert_allclose(got, position, atol=1e-3)


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.1])
def test_the_size_of_the_head_scales_its_distance(scale):
    rotation = head_rotation(0.1, 0.2, 0.3)
    rays = rays_of(CAMERAS["plain"], rotation, (0.1, 0, 0.7), scale)
    np.testing.assert_allclose(
        locate_head(rays, rotation, 1e-3, scale)[0], (0.1, 0, 0.7), atol=1e-6
    )
    np.testing.assert_allclose(
        locate_head(rays, rotation, 1e-3)[0], np.array([0.1, 0, 0.7]) / scale, atol=1e-6
    )


@given(
    roll=st.floats(-1, 1),
    pitch=st.floats(-1, 1),
    yaw=st.floats(-1.2, 1.2),
    x=st.floats(-0.3, 0.3),
    z=st.floats(0.3, 5),
    sigma=st.floats(1e-5, 0.1),
)
@settings(max_examples=60, deadline=None)
def test_the_covariance_is_symmetric_and_positive_semi_definite(roll, pitch, yaw, x, z, sigma):
    rotation = head_rotation(roll, pitch, yaw)
    rays = rays_of(CAMERAS["plain"], rotation, (x, 0, z))
    _, covariance = locate_head(rays, rotation, sigma)
    assert covariance.shape == (3, 3)
    np.testing.assert_allclose(covariance, covariance.T, rtol=1e-9, atol=1e-15)
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_depth_is_at_least_as_uncertain_as_the_size_of_heads():
    rotation = head_rotation(0, 0, 0)
    rays = rays_of(CAMERAS["plain"], rotation, (0, 0, 2))
    _, covariance = locate_head(rays, rotation, 1e-6)
    assert np.sqrt(covariance[2, 2]) == pytest.approx(2 * SIZE_SPREAD, rel=1e-3)
    _, noisy = locate_head(rays, rotation, 0.01)
    assert noisy[2, 2] > covariance[2, 2]


def test_the_covariance_of_the_rays_noise_is_what_repeated_noise_shows():
    rotation, rng = head_rotation(0.1, 0.1, 0.2), np.random.default_rng(3)
    rays = rays_of(CAMERAS["plain"], rotation, (0.2, 0.2, 2.0))
    noise = rng.normal(0, 0.001, (2000, 98, 2))
    found = [locate_head(rays + np.pad(n, ((0, 0), (0, 1))), rotation, 0.001)[0] for n in noise]
    _, covariance = locate_head(rays, rotation, 0.001)
    claimed = covariance - np.outer((0.2, 0.2, 2.0), (0.2, 0.2, 2.0)) * SIZE_SPREAD**2
    np.testing.assert_allclose(np.cov(np.array(found).T).diagonal(), claimed.diagonal(), rtol=0.15)


@pytest.mark.parametrize(
    "rays",
    [
        np.tile((0.1, 0.2, 1.0), (98, 1)),
        np.full((98, 3), np.nan),
        np.full((98, 3), np.inf),
        rays_of(CAMERAS["plain"], head_rotation(0, 0, 0), (0, 0, 1.0)) * (-1, -1, 1),
    ],
    ids=["one-ray", "nan", "inf", "behind"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_rays_that_fix_no_position_are_refused(rays):
    with pytest.raises(PositionError):
        locate_head(rays, head_rotation(0, 0, 0), 1e-3)
