# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Crops: coordinates there and back, and that the cut picture agrees with them."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atpn_ros.crop import (
    CROP_MARGIN,
    CROP_SIZE,
    Crop,
    crop_from_landmarks,
    cut,
    cut_batch,
    sufficient_reduction,
    upright_angle,
)
from atpn_ros.geometry import FACING, about_z, head_rotation
from atpn_ros.pipeline.head_model import MEAN_HEAD

crops = st.builds(
    Crop,
    st.floats(-1e4, 1e4),
    st.floats(-1e4, 1e4),
    st.floats(0.5, 1e4),
    st.floats(-7, 7),
)


def drawn(rotation):
    """The 98 points of a distant head as pixels, 200 px tall, about (300, 200)."""
    return (MEAN_HEAD @ rotation.T)[:, :2] * 1500 + (300, 200)


@given(crop=crops, x=st.floats(-2, 3), y=st.floats(-2, 3))
def test_to_crop_undoes_to_image(crop, x, y):
    points = np.array([[x, y], [0.5, 0.5]])
    np.testing.assert_allclose(crop.to_crop(crop.to_image(points)), points, atol=1e-6)


def test_a_quarter_turn_is_clockwise():
    """x of the crop lies along y of the image, y of the crop against x."""
    crop = Crop(50, 40, 20, np.pi / 2)
    points = crop.to_image(np.array([[1.0, 0.5], [0.5, 1.0]]))
    np.testing.assert_allclose(points, [[50, 50], [40, 40]], atol=1e-9)


@pytest.mark.parametrize("turn", np.radians([-170, -90, -30, 0, 45, 120, 179]))
def test_upright_angle_is_the_heads_turn_in_the_image(turn):
    angle = upright_angle(drawn(about_z(turn) @ FACING))
    assert np.cos(angle - turn) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("yaw", np.radians([-80, -40, 40, 80]))
def test_upright_angle_does_not_mistake_yaw_for_a_tilt(yaw):
    assert abs(upright_angle(drawn(head_rotation(0, 0, yaw)))) < np.radians(8)


def test_upright_angle_of_degenerate_points_is_0():
    assert upright_angle(np.zeros((98, 2))) == 0


@pytest.mark.parametrize("turn", np.radians([0, 30, -100]))
def test_the_crop_holds_all_landmarks_with_its_margin(turn):
    points = drawn(about_z(turn) @ FACING)
    crop = crop_from_landmarks(points)
    inside = crop.to_crop(points)
    low, high = inside.min(axis=0), inside.max(axis=0)
    np.testing.assert_allclose(low + high, 1, atol=1e-9)  # centred
    assert (high - low).max() == pytest.approx(1 / CROP_MARGIN)
    assert crop.side == pytest.approx(crop_from_landmarks(drawn(FACING)).side, rel=1e-6)


def test_an_asked_angle_is_kept():
    assert crop_from_landmarks(drawn(FACING), angle=0.3).angle == 0.3


def dots(height, width, *places, sigma):
    """White Gaussian dots on black, at sub-pixel places."""
    y, x = np.mgrid[:height, :width]
    out = sum(np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma**2)) for u, v in places)
    return (np.clip(out, 0, 1) * 255).round().astype(np.uint8)[..., None].repeat(3, axis=2)


def centroid(picture):
    weight = picture[..., 0].astype(float)
    y, x = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("angle", np.radians([0, 25, -90, 160]))
@pytest.mark.parametrize(
    ("side", "place", "centre"),
    [
        (40.0, (153.3, 97.8), (150.0, 100.0)),  # enlarged
        (128.0, (170.4, 80.1), (150.0, 100.0)),
        (200.0, (170.4, 130.7), (150.2, 100.6)),
        (300.0, (170.4, 130.7), (150.2, 100.6)),  # shrunk by 2 first
        (900.0, (320.4, 240.7), (250.3, 300.6)),  # by 7
        (128.0, (20.4, 15.7), (5.0, 0.0)),  # beyond the left and upper border
        (900.0, (60.4, 70.7), (10.3, -30.6)),
        (900.0, (570.4, 440.7), (630.3, 470.6)),  # right and lower border
    ],
)
def test_cut_shows_a_dot_where_to_crop_says(side, place, centre, angle):
    crop = Crop(*centre, side, angle)
    picture = dots(480, 640, place, sigma=max(1.5, side / CROP_SIZE * 1.5))
    expected = crop.to_crop(np.array(place)) * CROP_SIZE - 0.5
    assert (expected > 5).all()
    assert (expected < CROP_SIZE - 5).all()
    np.testing.assert_allclose(centroid(cut(picture, crop)), expected, atol=0.06)


@pytest.mark.parametrize("factor", [2, 4])
def test_a_crop_of_a_reduced_image_is_cut_at_the_same_place(factor):
    crop, place = Crop(350.3, 230.6, 600.0, 0.3), (380.4, 200.7)
    picture = dots(480, 640, place, sigma=12.0)
    reduced = cv2.resize(picture, (640 // factor, 480 // factor), interpolation=cv2.INTER_AREA)
    expected = crop.to_crop(np.array(place)) * CROP_SIZE - 0.5
    np.testing.assert_allclose(centroid(cut(reduced, crop.reduced(factor))), expected, atol=0.06)


@pytest.mark.parametrize(
    ("sides", "size", "factor"),
    [
        ([], (1920, 1080), 8),
        ([255.9], (1920, 1080), 1),
        ([256.0], (1920, 1080), 2),
        ([511.9], (1920, 1080), 2),
        ([5000.0], (1920, 1080), 8),
        ([5000.0, 300.0], (1920, 1080), 2),
        ([5000.0], (1920, 1084), 4),
        ([5000.0], (1921, 1080), 1),
        ([float("nan")], (1920, 1080), 1),
    ],
)
def test_an_image_is_reduced_as_far_as_each_crop_keeps_the_networks_input(sides, size, factor):
    assert sufficient_reduction([Crop(0, 0, side) for side in sides], *size) == factor


def test_cut_is_not_mirrored():
    """Two dots, right of and below the middle: exchanged or mirrored axes would show."""
    picture = dots(200, 200, (130, 100), sigma=3)
    assert centroid(cut(picture, Crop(100, 100, 100)))[0] > 80
    picture = dots(200, 200, (100, 130), sigma=3)
    assert centroid(cut(picture, Crop(100, 100, 100)))[1] > 80


def test_beyond_the_image_is_black():
    white = np.full((50, 50, 3), 255, np.uint8)
    assert not cut(white, Crop(-500, 20, 100)).any()
    assert not cut(white, Crop(5000, 5000, 2000)).any()
    half = cut(white, Crop(0, 25, 40))
    assert not half[:, :60].any()
    assert (half[:, 70:] == 255).all()


def test_shrinking_does_not_alias():
    """A fine checkerboard becomes grey, not a coarse pattern."""
    board = (np.indices((600, 600)).sum(axis=0) % 2 * 255).astype(np.uint8)
    inside = cut(board[..., None].repeat(3, axis=2), Crop(300, 300, 520))[4:-4, 4:-4]
    assert np.abs(inside.astype(int) - 127).max() < 30


@pytest.mark.parametrize("side", [0.0, 1e-9, 1e7])
def test_absurd_crops_are_cut_without_an_error(side):
    assert cut(np.zeros((40, 60, 3), np.uint8), Crop(20, 20, side)).shape == (128, 128, 3)


def test_a_batch_is_its_single_cuts():
    picture = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    several = [Crop(100, 100, 80, 0.3), Crop(200, 150, 290), Crop(-50, 0, 130, 2)]
    batch = cut_batch(picture, several)
    assert batch.shape == (3, CROP_SIZE, CROP_SIZE, 3)
    for got, crop in zip(batch, several, strict=True):
        np.testing.assert_array_equal(got, cut(picture, crop))


def test_a_batch_of_none_is_empty():
    assert cut_batch(np.zeros((10, 10, 3), np.uint8), []).shape == (0, CROP_SIZE, CROP_SIZE, 3)


def test_cut_leaves_its_picture_alone_and_takes_a_read_only_one():
    picture = np.frombuffer(bytes(range(256)) * 300, np.uint8)[: 160 * 160 * 3]
    picture = picture.reshape(160, 160, 3)
    assert not picture.flags.writeable
    assert cut(picture, Crop(80, 80, 100)).any()
