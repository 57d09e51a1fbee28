# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A rotated camera: its pictures are turned for the network, its faces given in its own frame."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from atpn_ros import geometry
from atpn_ros.camera import Camera, CameraInfo, camera_from_info
from atpn_ros.detectors import load_detector
from atpn_ros.engines import load_engine
from atpn_ros.pipeline.camera_rotation import ROTATIONS, CameraRotation
from atpn_ros.pipeline.estimator import EstimatorSettings
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.setting_values import update_settings
from atpn_ros.settings import SHIPPED_MODEL, Settings, SettingsError
from atpn_ros.types import FaceFrame, FaceState, Floats, Frame
from fakes import MS, DiscDetector, DiscEngine, scene
from test_pose_truth import LENSES

TURNED = ROTATIONS[1:]
WIDTH, HEIGHT = 320, 240
K = (300.0, 0.0, 150.0, 0.0, 310.0, 130.0, 0.0, 0.0, 1.0)
BENT = camera_from_info(
    CameraInfo(WIDTH, HEIGHT, K, (-0.2, 0.05, 0.004, -0.003, 0.01), "plumb_bob"), WIDTH, HEIGHT
)


def upright_pixels(points: Floats, degrees: int, width: int, height: int) -> Floats:
    """Where pixels of a picture are once it was turned clockwise."""
    x, y = points.T
    return {
        90: np.stack([height - 1 - y, x], axis=1),
        180: np.stack([width - 1 - x, height - 1 - y], axis=1),
        270: np.stack([y, width - 1 - x], axis=1),
    }[degrees]


def upright_vectors(vectors: Floats, degrees: int) -> Floats:
    """Directions or places in the optical frame of a camera, in that of its turned picture."""
    return vectors @ geometry.about_z(np.radians(degrees)).T


def unturned(picture: np.ndarray, degrees: int) -> np.ndarray:
    """The picture that a rotated camera takes of what is upright in a given one."""
    return np.ascontiguousarray(np.rot90(picture, degrees // 90))  # counterclockwise


@pytest.mark.parametrize("degrees", TURNED)
def test_a_pixel_of_the_turned_picture_is_the_one_of_the_cameras_own(degrees: int) -> None:
    own = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    rotation = CameraRotation(degrees, 7, 5)
    turned = rotation.upright_image(own)
    assert turned.shape == ((5, 7, 3) if degrees == 180 else (7, 5, 3))
    for y, x in np.ndindex(turned.shape[:2]):
        column, row = rotation.original_points(np.array([x, y]))
        np.testing.assert_array_equal(turned[y, x], own[row, column])
    # Clockwise: what was on the left is then at the top.
    np.testing.assert_array_equal(
        CameraRotation(90, 7, 5).upright_image(own)[0], own[::-1, 0], strict=True
    )


@pytest.mark.parametrize("degrees", TURNED)
@pytest.mark.parametrize("lens", LENSES)
def test_the_turned_camera_sees_a_place_where_the_camera_does(lens: str, degrees: int) -> None:
    places = np.array([(0.1, 0.2, 1.0), (-0.5, 0.3, 1.5), (0.4, -0.4, 1.2)])
    rotation = CameraRotation(degrees, 640, 480)
    pixels = upright_pixels(LENSES[lens].project(places), degrees, 640, 480)
    rays = rotation.upright_camera(LENSES[lens]).rays(pixels)
    expected = upright_vectors(places / places[:, 2:], degrees)
    np.testing.assert_allclose(rays, expected, atol=2e-3 if lens != "none" else 1e-9)
    again = rotation.original_points(pixels)
    np.testing.assert_allclose(again, LENSES[lens].project(places), atol=1e-9)


def test_tangential_distortion_is_turned_with_the_picture() -> None:
    """Worked out by hand for 90 degrees clockwise: the shift (p2, p1) turns like any vector."""
    fx, cx, fy, cy = K[0], K[2], K[4], K[5]
    k1, k2, p1, p2, k3 = BENT.distortion
    by_hand = Camera(
        np.array([[fy, 0, HEIGHT - 1 - cy], [0, fx, cx], [0, 0, 1.0]]),
        np.array([k1, k2, p2, -p1, k3]),
    )
    pixels = np.array([(10.0, 15.0), (200.0, 300.0), (120.0, 30.0)])
    turned = CameraRotation(90, WIDTH, HEIGHT).upright_camera(BENT)
    np.testing.assert_allclose(turned.rays(pixels), by_hand.rays(pixels), atol=1e-5)


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """(240, 320, 3) BGR: a face of about 100 pixels, left of the middle."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)[:240, 100:420])


def answers(pictures: list[np.ndarray], camera: Camera, rotate: int) -> list[FaceFrame]:
    """What the shipped network and the default detector see in pictures of a camera."""
    settings = replace(Settings(rotate=rotate).pipeline_settings(), search_interval_ns=0)
    with_engine = load_engine(SHIPPED_MODEL, "onnx-cpu")
    try:
        pipeline = FacePipeline(with_engine, load_detector(), settings)
        return [pipeline.process(Frame(p, i * 33 * MS), camera) for i, p in enumerate(pictures)]
    finally:
        with_engine.close()


@pytest.mark.parametrize("degrees", TURNED)
def test_a_rotated_camera_gives_the_same_face_in_its_own_frame(
    degrees: int, portrait: np.ndarray
) -> None:
    shift = [np.roll(portrait, 3 * i, axis=1) for i in range(3)]
    lying = [unturned(p, degrees) for p in shift]
    height, width = lying[0].shape[:2]
    k = (300.0, 0.0, width / 2 - 8, 0.0, 300.0, height / 2 + 11, 0.0, 0.0, 1.0)
    own = camera_from_info(CameraInfo(width, height, k), width, height)
    (cx, cy) = upright_pixels(np.array([(k[2], k[5])]), degrees, width, height)[0]
    level = camera_from_info(
        CameraInfo(320, 240, (300.0, 0.0, cx, 0.0, 300.0, cy, 0.0, 0.0, 1.0)), 320, 240
    )
    for frame, usual in zip(answers(lying, own, degrees), answers(shift, level, 0), strict=True):
        assert (frame.width, frame.height) == (width, height)
        (face,), (same,) = frame.faces, usual.faces
        assert face.pose is not None
        assert same.pose is not None
        assert face.gaze is not None
        assert same.gaze is not None
        assert face.landmarks is not None
        upright = upright_pixels(face.landmarks, degrees, width, height)
        np.testing.assert_allclose(upright, same.landmarks, atol=1e-9)
        np.testing.assert_array_equal(face.sigma, same.sigma)
        # The box holds the same landmarks, in the camera's own picture.
        usual_box = np.array(same.box.xyxy).reshape(2, 2)
        corners = upright_pixels(np.array(face.box.xyxy).reshape(2, 2), degrees, width, height)
        np.testing.assert_allclose(np.sort(corners, axis=0), usual_box, atol=1e-9)
        # In space: what the camera saw before, turned about its axis.
        np.testing.assert_allclose(
            upright_vectors(face.pose.position, degrees), same.pose.position, atol=1e-9
        )
        turned = geometry.about_z(np.radians(degrees)) @ face.pose.rotation
        np.testing.assert_allclose(turned, same.pose.rotation, atol=1e-9)
        np.testing.assert_allclose(
            upright_vectors(face.gaze.direction, degrees), same.gaze.direction, atol=1e-9
        )
        ray = face.pose.position / np.linalg.norm(face.pose.position)
        spread, usual_spread = (p.covariance[:3, :3] for p in (face.pose, same.pose))
        level_ray = upright_vectors(ray, degrees)
        assert ray @ spread @ ray == pytest.approx(level_ray @ usual_spread @ level_ray)
        # A person who looks into the lens has angles near 0, whichever way the camera is mounted.
        np.testing.assert_allclose(
            geometry.head_angles(face.pose), geometry.head_angles(same.pose), atol=1e-9
        )
        # Whoever projects the head into the camera's own picture meets the landmarks.
        drawn = own.project(MEAN_HEAD @ face.pose.rotation.T + face.pose.position)
        assert np.linalg.norm(drawn - face.landmarks, axis=1).mean() < 0.1 * face.box.width


def test_rotation_without_a_calibration_is_in_the_cameras_frame() -> None:
    settings = PipelineSettings(estimator=EstimatorSettings(smoothing=None), rotate=180)
    pipeline = FacePipeline(DiscEngine(), DiscDetector(), settings)
    (face,) = pipeline.process(Frame(scene((160.0, 120.0, 30.0)), 0)).faces
    assert face.pose is not None
    assert face.pose.position is None
    # An upright person, and a camera that hangs upside down: the scalp is down in its picture.
    np.testing.assert_allclose(face.pose.rotation[:, 2], (0, 1, 0), atol=1e-9)
    assert geometry.head_angles(face.pose) == pytest.approx((0, 0, 0), abs=1e-9)


def test_a_change_while_it_runs_drops_the_tracks_and_finds_the_faces_again() -> None:
    pipeline = FacePipeline(DiscEngine(), DiscDetector(), PipelineSettings())
    disc = (200.0, 90.0, 30.0)
    for n in range(2):
        (face,) = pipeline.process(Frame(scene(disc), n * 33 * MS)).faces
        assert face.id == 1
    # 180 degrees: the picture keeps its shape, so that only the setting tells of the change.
    pipeline.settings = replace(pipeline.settings, rotate=180)
    frame = pipeline.process(Frame(scene(disc), 66 * MS))
    (face,) = frame.faces
    assert pipeline.resets == {"rotate changed": 1}
    assert frame.detector_ran
    assert (face.id, face.state) == (2, FaceState.DETECTED)
    assert face.box.cx == pytest.approx(200, abs=1)
    assert face.box.cy == pytest.approx(90, abs=1)
    (face,) = pipeline.process(Frame(scene(disc), 99 * MS)).faces
    assert (face.id, face.state) == (2, FaceState.TRACKED)
    (face,) = pipeline.process(Frame(scene(), 132 * MS)).faces
    assert face.state is FaceState.LOST
    assert face.box.cx == pytest.approx(200, abs=1)


@pytest.mark.parametrize("rotate", [90, 270])
def test_a_person_who_turns_away_keeps_the_id_wherever_the_turned_picture_has_room(
    rotate: int,
) -> None:
    """The border that people leave through is that of the turned picture, which is higher."""
    settings = PipelineSettings(estimator=EstimatorSettings(smoothing=None), rotate=rotate)
    pipeline = FacePipeline(DiscEngine(), DiscDetector(), settings)
    ids = []
    low_in_the_turned_picture = (265.0 if rotate == 90 else 55.0, 120.0, 20.0)
    for n in range(60):
        seen = () if 10 <= n < 45 else (low_in_the_turned_picture,)
        faces = pipeline.process(Frame(scene(*seen), n * 66 * MS)).faces
        ids += [f.id for f in faces if f.state is not FaceState.LOST]
    assert len(ids) > 20
    assert set(ids) == {1}


@pytest.mark.parametrize("degrees", TURNED)
@pytest.mark.parametrize("target", [None, (0.0, 0.0, 0.0), (0.4, 0.1, 0.0)])
def test_who_looks_at_what_is_the_same_with_a_rotated_camera(
    degrees: int, target: tuple[float, float, float] | None
) -> None:
    """The target is given in the camera's own frame, as the tree of transforms gives it."""
    level = np.array([(300.0, 0, 160), (0, 300.0, 120), (0, 0, 1)])
    usual_camera = Camera(level, np.empty(0))
    disc = (200.0, 90.0, 30.0)
    lying = unturned(scene(disc), degrees)
    height, width = lying.shape[:2]
    (cx, cy) = CameraRotation(degrees, width, height).original_points(np.array([160.0, 120.0]))
    own = Camera(np.array([(300.0, 0, cx), (0, 300.0, cy), (0, 0, 1)]), np.empty(0))
    settings = PipelineSettings(estimator=EstimatorSettings(smoothing=None))
    usual = FacePipeline(DiscEngine(), DiscDetector(), settings)
    turned = FacePipeline(DiscEngine(), DiscDetector(), replace(settings, rotate=degrees))
    back = geometry.about_z(np.radians(degrees)).T
    where = None if target is None else np.array(target)
    own_target = None if where is None else back @ where
    (a,) = usual.process(Frame(scene(disc), 0), usual_camera, where).faces
    (b,) = turned.process(Frame(lying, 0), own, own_target).faces
    assert a.gaze is not None
    assert b.gaze is not None
    assert b.gaze.looking == a.gaze.looking
    if target is None:
        assert a.gaze.angle_to_target is b.gaze.angle_to_target is None
    else:
        assert b.gaze.angle_to_target == pytest.approx(a.gaze.angle_to_target, abs=1e-6)


@pytest.mark.parametrize("value", [1, 45, 89, 269])
def test_only_quarter_turns_are_taken(value: int) -> None:
    with pytest.raises(SettingsError, match=f"^rotate: {value} is not a multiple of 90"):
        update_settings(Settings(), {"rotate": value})
    for quarter in ROTATIONS:
        changed = update_settings(Settings(), {"rotate": quarter}, running=True)
        assert changed.pipeline_settings().rotate == quarter
