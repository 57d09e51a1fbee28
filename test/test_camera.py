# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""camera_info to a camera: which pixels its K means, and that no number breaks it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atpn_ros.camera import BadCamera, Camera, CameraInfo, camera_from_info, is_rectified

K = (600.0, 0.0, 330.0, 0.0, 610.0, 230.0, 0.0, 0.0, 1.0)
D = {
    "plumb_bob": (-0.28, 0.09, 0.001, -0.0005, 0.0),
    "rational_polynomial": (0.1, -0.05, 0.001, -0.001, 0.01, 0.02, -0.01, 0.001),
    "equidistant": (0.02, -0.01, 0.003, -0.001),
}


def info(**changes):
    return CameraInfo(**({"width": 640, "height": 480, "k": K} | changes))


def test_without_changes_the_matrix_is_k():
    camera = camera_from_info(info(), 640, 480)
    np.testing.assert_allclose(camera.matrix.ravel(), K)
    assert camera.distortion.size == 0
    assert not camera.fisheye


def test_the_principal_point_is_the_optical_axis():
    rays = camera_from_info(info(), 640, 480).rays(np.array([[330.0, 230.0], [930.0, 840.0]]))
    np.testing.assert_allclose(rays, [[0, 0, 1], [1, 1, 1]], atol=1e-9)


@pytest.mark.parametrize("model", sorted(D))
def test_rays_undo_project_for_every_distortion(model):
    camera = camera_from_info(info(d=D[model], distortion_model=model), 640, 480)
    assert camera.fisheye == (model == "equidistant")
    points = np.array([[x, y, 1.0] for x in (-0.4, -0.1, 0.0, 0.3) for y in (-0.3, 0.0, 0.25)])
    pixels = camera.project(points * 2.5)
    assert np.abs(pixels - (points[:, :2] * (600, 610) + (330, 230))).max() > 1  # it does distort
    np.testing.assert_allclose(camera.rays(pixels), points, atol=2e-3)


def test_pixels_move_outwards_with_positive_k1():
    """So that a sign mixed up in both directions would be noticed."""
    camera = camera_from_info(info(d=(0.2, 0, 0, 0, 0), distortion_model="plumb_bob"), 640, 480)
    x, _ = camera.project(np.array([[0.5, 0.0, 1.0]]))[0]
    assert x == pytest.approx(330 + 600 * 0.5 * (1 + 0.2 * 0.25))


def test_binning_divides_as_image_geometry_does():
    camera = camera_from_info(info(binning_x=2, binning_y=4), 320, 120)
    np.testing.assert_allclose(camera.matrix, [[300, 0, 165], [0, 152.5, 57.5], [0, 0, 1]])


def test_a_region_of_interest_shifts_the_centre():
    camera = camera_from_info(info(roi_x=100, roi_y=50, roi_width=400, roi_height=300), 400, 300)
    np.testing.assert_allclose(camera.matrix, [[600, 0, 230], [0, 610, 180], [0, 0, 1]])


def test_region_and_binning_together():
    region = {"roi_x": 100, "roi_y": 50, "roi_width": 400, "roi_height": 300}
    camera = camera_from_info(info(**region, binning_x=2, binning_y=2), 200, 150)
    np.testing.assert_allclose(camera.matrix, [[300, 0, 115], [0, 305, 90], [0, 0, 1]])


def test_another_resolution_scales_about_the_image_corner():
    """A pixel's left edge is at -0.5: the corner stays the corner."""
    full, half = camera_from_info(info(), 640, 480), camera_from_info(info(), 320, 240)
    corners = [np.array([[-0.5, -0.5], [w - 0.5, h - 0.5]]) for w, h in ((640, 480), (320, 240))]
    np.testing.assert_allclose(full.rays(corners[0]), half.rays(corners[1]), atol=1e-9)


def test_binning_0_means_1():
    np.testing.assert_array_equal(
        camera_from_info(info(binning_x=0, binning_y=0), 640, 480).matrix,
        camera_from_info(info(binning_x=1, binning_y=1), 640, 480).matrix,
    )


def test_a_camera_info_without_size_is_for_the_image():
    np.testing.assert_allclose(
        camera_from_info(info(width=0, height=0), 640, 480).matrix.ravel(), K
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"k": (0.0,) * 9}, "uncalibrated"),
        ({"k": (-600.0, *K[1:])}, "uncalibrated"),
        ({"k": (*K[:4], 0.0, *K[5:])}, "uncalibrated"),
        ({"k": (float("nan"), *K[1:])}, "finite"),
        ({"k": (*K[:2], float("inf"), *K[3:])}, "finite"),
        ({"k": K[:8]}, "nine"),
        ({"k": ()}, "nine"),
        ({"d": (float("nan"),) * 5, "distortion_model": "plumb_bob"}, "D is not finite"),
        ({"d": (0.1,) * 15, "distortion_model": "plumb_bob"}, "15 coefficients"),
        ({"d": (0.1,) * 4, "distortion_model": "wide_open"}, "wide_open"),
        ({"d": (0.1,) * 5, "distortion_model": "inverse_brown_conrady"}, "not known"),
        ({"d": (0.1,) * 5, "distortion_model": "equidistant"}, "not known"),
        ({"width": 640, "height": 640}, "the image is 640x480"),
        ({"k": (1e-300, *K[1:])}, "out of any range"),
    ],
)
def test_unusable_camera_infos_are_refused_and_say_why(changes, why):
    with pytest.raises(BadCamera, match=why):
        camera_from_info(info(**changes), 640, 480)


@pytest.mark.parametrize("size", [0, 4, 5, 8, 12, 14])
def test_coefficients_that_are_all_zero_are_no_distortion(size):
    camera = camera_from_info(info(d=(0.0,) * size, distortion_model="whatever"), 640, 480)
    assert camera.distortion.size == 0


SMALL = (-0.01, 0.02, 1e-4, 2e-4, 0.003, 0.01, 0.002, 0.001, 1e-3, 0, 0, 1e-4, 1e-4, 1e-4)
FISH = (-0.005, 0.04, -0.04, 0.007)


@pytest.mark.parametrize(
    ("model", "d", "expected"),
    [
        ("plumb_bob", SMALL[:2], 4),
        ("plumb_bob", SMALL[:5], 5),
        ("plumb_bob", (*SMALL[:5], 0, 0, 0), 5),  # Orbbec
        ("plumb_bob", SMALL[:8], 8),  # all that OpenCV returns
        ("plumb_bob", SMALL[:7], 8),
        ("plumb_bob", SMALL, 14),
        ("PLUMB_BOB", SMALL[:5], 5),
        ("rational_polynomial", SMALL[:5], 5),
        ("rational_polynomial", SMALL[:12], 12),
        ("", SMALL[:5], 5),
        ("radtan", SMALL[:4], 4),
    ],
)
def test_coefficients_of_pinhole_models_are_padded_or_cut_as_opencv_takes_them(model, d, expected):
    camera = camera_from_info(info(d=d, distortion_model=model), 640, 480)
    assert not camera.fisheye
    assert camera.distortion.size == expected
    n = min(len(d), expected)
    np.testing.assert_array_equal(camera.distortion[:n], d[:n])
    points = np.array([[0.3, -0.2, 1.0], [-0.4, 0.1, 1.0]])
    np.testing.assert_allclose(camera.rays(camera.project(points)), points, atol=1e-3)


@pytest.mark.parametrize("model", ["equidistant", "Equidistant", "fisheye", "kannala_brandt4"])
@pytest.mark.parametrize("zeros", [0, 1, 4])
def test_fisheye_coefficients_padded_with_zeros_are_taken(model, zeros):
    camera = camera_from_info(info(d=(*FISH, *[0.0] * zeros), distortion_model=model), 640, 480)
    assert camera.fisheye
    assert camera.distortion.tolist() == list(FISH)


@pytest.mark.parametrize("size", [0, 4, 5, 8])
def test_an_ideal_fisheye_lens_is_no_pinhole(size):
    camera = camera_from_info(info(d=(0.0,) * size, distortion_model="equidistant"), 640, 480)
    assert (camera.fisheye, camera.distortion.tolist()) == (True, [0.0] * 4)
    # Pixels from the centre are the angle times the focal length.
    ((x, _, _),) = camera.rays(np.array([[330.0 + 600.0 * 0.5, 230.0]]))
    assert x == pytest.approx(np.tan(0.5))


def test_a_rectified_image_takes_p_and_turns_by_r():
    angle = 0.03
    r = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    p = (500.0, 0, 310.0, -40.0, 0, 505.0, 250.0, 0, 0, 0, 1, 0)
    given = info(d=D["plumb_bob"], distortion_model="plumb_bob", p=p, r=tuple(r.ravel()))
    camera = camera_from_info(given, 320, 240, rectified=True)
    np.testing.assert_allclose(camera.matrix[:, :2], [[250, 0], [0, 252.5], [0, 0]])
    assert (camera.distortion.size, camera.fisheye) == (0, False)
    np.testing.assert_allclose(camera.axes, r.T)
    raw = camera_from_info(given, 320, 240)
    assert raw.distortion.size == 4
    np.testing.assert_array_equal(raw.axes, np.eye(3))


@pytest.mark.parametrize(
    "changes",
    [{}, {"p": (0.0,) * 12}, {"p": (np.nan,) * 12}, {"p": (500.0,) * 12, "r": (1.0,) * 9}],
)
def test_a_rectified_image_without_a_projection_has_no_camera(changes):
    with pytest.raises(BadCamera, match=r"^camera_info: (P|R) is not"):
        camera_from_info(info(**changes), 640, 480, rectified=True)


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("/image_rect", True),
        ("/left/image_rect_color", True),
        ("/left/image_rect/compressed", True),
        ("/camera/rectified", True),
        ("/image_raw", False),
        ("/rect/image_raw", False),
        ("/direct", False),
        ("/correction_image", False),
    ],
)
def test_rectified_images_are_known_by_their_topic(topic, expected):
    assert is_rectified("auto", topic) is expected
    assert is_rectified("raw", topic) is False
    assert is_rectified("rectified", topic) is True


@pytest.mark.parametrize("size", [(0, 480), (640, 0), (-1, -1)])
def test_an_empty_image_has_no_camera(size):
    with pytest.raises(BadCamera, match="empty"):
        camera_from_info(info(), *size)


@pytest.mark.parametrize("model", ["", *sorted(D)])
def test_rays_far_outside_the_image_are_finite_and_point_forward(model):
    camera = camera_from_info(info(d=D.get(model, ()), distortion_model=model), 640, 480)
    far = [[1e9, 0], [-1e9, 1e9], [1e300, -1e300], [np.nan, 3], [np.inf, -np.inf], [-5e3, 5e3]]
    rays = camera.rays(np.array(far))
    assert np.isfinite(rays).all()
    assert (rays[:, 2] == 1).all()


any_float = st.floats() | st.floats(-2000, 2000)
any_size = st.integers(0, 4000) | st.integers(0, 2**32 - 1)


@given(
    k=st.tuples(*[any_float] * 9) | st.tuples(*[st.floats(0.1, 3000)] * 9) | st.just(K),
    d=st.sampled_from([0, 4, 5, 8, 12, 14]).flatmap(
        lambda n: st.lists(any_float | st.floats(-1, 1), min_size=n, max_size=n)
    ),
    model=st.sampled_from(["plumb_bob", "rational_polynomial", "equidistant", "", "fisheye"]),
    sizes=st.tuples(*[any_size] * 4) | st.just((640, 480, 640, 480)),
    region=st.tuples(*[any_size] * 6) | st.just((0,) * 6),
    points=st.lists(st.tuples(any_float, any_float), min_size=1, max_size=4),
)
@settings(max_examples=500, deadline=None)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_numbers_are_a_camera_with_finite_rays_or_bad_camera(
    k, d, model, sizes, region, points
):
    width, height, image_width, image_height = sizes
    try:
        camera = camera_from_info(
            CameraInfo(width, height, k, tuple(d), model, *region), image_width, image_height
        )
    except BadCamera:
        return
    assert isinstance(camera, Camera)
    rays = camera.rays(np.array(points))
    assert rays.shape == (len(points), 3)
    assert np.isfinite(rays).all()
