# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pipeline with the shipped models on photographs, and on images without faces."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from atpn_ros.camera import CameraInfo, camera_from_info
from atpn_ros.detectors import load_detector
from atpn_ros.engines import load_engine
from atpn_ros.images.raw import decode_raw
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.settings import SHIPPED_MODEL
from atpn_ros.types import FaceState, Frame
from fakes import MS, DiscDetector, DiscEngine, frame
from moving_portrait import MovingPortrait
from pipelines import CAMERA, DISC, RAW, all_numbers, discs, states


def same(a, b):
    """Whether two answers are equal to the bit."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if hasattr(a, "__dataclass_fields__"):
        names = [n for n, f in a.__dataclass_fields__.items() if f.compare]
        return type(a) is type(b) and all(same(getattr(a, n), getattr(b, n)) for n in names)
    return a == b


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 40), (24, 24), (20, 30000)])
def test_pictures_of_any_shape_are_processed(size, shipped):
    for pipeline in (discs(), shipped()):
        result = pipeline.process(frame(0, size=size), CAMERA)
        assert result.faces == ()
        assert (result.height, result.width) == size


@pytest.fixture(scope="module")
def shipped():
    engine, detector = load_engine(SHIPPED_MODEL, "onnx-cpu"), load_detector()
    return lambda settings=None: FacePipeline(engine, detector, settings or PipelineSettings())


@pytest.fixture(scope="module")
def portrait():
    """Her face is about 105 px wide, at (224, 118)."""
    data = pytest.importorskip("skimage.data", reason="the photographs come with scikit-image")
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


def shown(picture, n, x=0.0, y=0.0, roll=0.0, zoom=1.0):
    matrix = cv2.getRotationMatrix2D((224, 118), -roll, zoom)
    matrix[:, 2] += (x, y)
    return Frame(cv2.warpAffine(picture, matrix, (512, 400)), 10**9 + n * 33 * MS, "camera")


def test_a_real_face_is_found_where_it_is(shipped, portrait):
    (face,) = shipped().process(shown(portrait, 0)).faces
    assert face.state is FaceState.DETECTED
    assert face.presence > 0.7
    eyes, mouth = face.landmarks[60:76].mean(axis=0), face.landmarks[[76, 82]].mean(axis=0)
    np.testing.assert_allclose(eyes, (224, 105), atol=10)
    np.testing.assert_allclose(mouth, (227, 150), atol=12)
    assert face.landmarks[60, 0] < face.landmarks[72, 0]  # her right eye is on the image's left


def test_a_real_face_is_followed_while_it_moves_and_rolls(shipped, portrait):
    pipeline = shipped(RAW)
    for n in range(40):
        t = n / 39
        x, y, roll = 90 * np.sin(5 * t), 40 * np.sin(9 * t), 25 * np.sin(7 * t)
        result = pipeline.process(shown(portrait, n, x, y, roll))
        assert [f.id for f in result.faces] == [1]
        (face,) = result.faces
        middle = face.landmarks[51:55].mean(axis=0)
        np.testing.assert_allclose(middle, (222 + x, 118 + y), atol=18)
        assert face.state is (FaceState.TRACKED if n else FaceState.DETECTED)


@pytest.mark.parametrize("roll", [-30, 30])
def test_a_head_tilted_clockwise_in_the_image_has_turned_about_the_cameras_z(
    shipped, portrait, roll
):
    pipeline = shipped(RAW)
    (upright,) = pipeline.process(shown(portrait, 0)).faces
    for n in range(1, 16):
        (tilted,) = pipeline.process(shown(portrait, n, roll=roll * n / 15)).faces
    difference = tilted.pose.rotation @ upright.pose.rotation.T
    about = np.degrees(np.arctan2(difference[1, 0], difference[0, 0]))
    assert about == pytest.approx(roll, abs=8)


def test_a_face_that_is_gone_is_lost_in_that_frame(shipped, portrait):
    pipeline = shipped()
    for n in range(5):
        pipeline.process(shown(portrait, n))
    blank = Frame(np.full((400, 512, 3), 120, np.uint8), 10**9 + 5 * 33 * MS, "camera")
    assert states(pipeline.process(blank)) == {1: FaceState.LOST}
    assert states(pipeline.process(shown(portrait, 6))) == {1: FaceState.DETECTED}


def test_an_upside_down_face_is_no_trouble(shipped, portrait):
    """Found or not: what is said of it are numbers, and the upright one is found after it."""
    pipeline = shipped()
    for n in range(3):
        result = pipeline.process(shown(portrait, n, roll=180), CAMERA)
        assert np.isfinite(all_numbers(result)).all()
    later = shown(portrait, 100)
    assert FaceState.DETECTED in states(pipeline.process(later, CAMERA)).values()


def test_a_face_in_a_poster_is_a_face(shipped, portrait):
    """A photograph of a face beside the face itself: two of them, with ids of their own."""
    pipeline = shipped()
    person = shown(portrait, 0).image
    for n in range(3):
        both = Frame(np.hstack([person, person]), 10**9 + n * 33 * MS, "camera")
        result = pipeline.process(both)
    assert states(result) == {1: FaceState.TRACKED, 2: FaceState.TRACKED}
    left, right = sorted(face.box.cx for face in result.faces)
    assert right - left == pytest.approx(512, abs=5)


@pytest.mark.parametrize("name", ["coffee", "rocket", "checkerboard", "black", "white", "noise"])
def test_no_face_is_seen_where_there_is_none(name, shipped):
    if name in ("coffee", "rocket", "checkerboard"):
        data = pytest.importorskip("skimage.data", reason="the photographs come with scikit-image")
        picture = np.atleast_3d(getattr(data, name)())[..., ::-1]
        picture = np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))
    else:
        noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
        picture = {"black": noise * 0, "white": noise * 0 + 255, "noise": noise}[name]
    pipeline = shipped()
    for n in range(4):
        frames = Frame(picture.astype(np.uint8), 10**9 + n * 250 * MS, "camera")
        assert pipeline.process(frames).faces == ()


def test_the_same_frames_give_the_same_faces_to_the_bit(shipped):
    show = MovingPortrait(60)
    camera = camera_from_info(CameraInfo(640, 480, (600, 0, 320, 0, 600, 240, 0, 0, 1)), 640, 480)
    frames = [Frame(show.frame(n), 10**9 + n * 66 * MS, "camera") for n in range(24)]

    def answers():
        pipeline = shipped()
        return [pipeline.process(f, camera) for f in frames]

    first, second = answers(), answers()
    assert sum(bool(r.faces) for r in first) > 20
    assert all(same(a, b) for a, b in zip(first, second, strict=True))
    assert np.isfinite([n for r in first for n in all_numbers(r)]).all()


def test_a_decoded_message_is_processed_though_its_memory_is_read_only(shipped, portrait):
    height, width = portrait.shape[:2]
    picture = decode_raw(width, height, "bgr8", False, 3 * width, portrait.tobytes())
    assert not picture.flags.writeable
    assert len(shipped().process(Frame(picture, 1, "camera")).faces) == 1


def test_a_covered_lens_holds_no_face_whatever_the_network_says():
    class Sure(DiscEngine):
        def run(self, crops):
            return replace(super().run(crops), presence=np.ones(len(crops)))

    pipeline = FacePipeline(Sure(), DiscDetector(), RAW)
    pipeline.process(frame(0, DISC))
    black = replace(frame(1, DISC), image=np.full((240, 320, 3), 3, np.uint8))
    assert states(pipeline.process(black)) == {1: FaceState.LOST}


UNEVEN = {
    "pairs 1 us apart": lambda n: 10**11 + n // 2 * 66_666_666 + n % 2 * 1_000,
    "pairs 0.8 ms apart": lambda n: 10**11 + n // 2 * 66_666_666 + n % 2 * 800_000,
    "bursts of four": lambda n: 10**11 + n // 4 * 133_333_332 + n % 4 * 100_000,
    "one in ten without": lambda n: 0 if n % 10 == 9 else 10**11 + n * 33_333_333,
    "two swapped": lambda n: 10**11 + (n + (n % 20 == 10) - (n % 20 == 11)) * 33_333_333,
    "a clock that creeps": lambda n: 10**11 + n * 1_000_000,
}


@pytest.mark.parametrize("stamps", UNEVEN)
def test_a_face_in_motion_keeps_its_id_whatever_the_stamps_do(shipped, stamps):
    def held(stamp):
        """Which ids are tracked in each frame, and in how many the stamp was of no use."""
        pipeline, odd, out = shipped(), 0, []
        for n in range(60):
            result = pipeline.process(Frame(show.frame(n), stamp(n), "camera"))
            out.append([f.id for f in result.faces if f.state is not FaceState.LOST])
            odd += bool(pipeline.stamp_problem)
        assert pipeline.resets == {}
        return out, odd

    show = MovingPortrait(150)
    even, _ = held(lambda n: 10**11 + n * 33_333_333)
    assert sum(map(bool, even)) > 50
    uneven, odd = held(UNEVEN[stamps])
    assert uneven == even
    assert odd >= 3
