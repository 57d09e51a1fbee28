# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame's way: with discs as faces for the rules, with the shipped model for the real thing."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from atpn_ros.camera import CameraInfo, camera_from_info
from atpn_ros.cli.portrait import MovingPortrait
from atpn_ros.detectors import load_detector
from atpn_ros.engines import BackendError, load_engine
from atpn_ros.geometry import FACING, about_y, angle_between
from atpn_ros.images import decode_raw
from atpn_ros.pipeline.estimator import EstimatorSettings
from atpn_ros.pipeline.one_euro import OneEuroSettings
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.pipeline.tracker import TrackerSettings
from atpn_ros.settings import SHIPPED_MODEL
from atpn_ros.types import FaceState, Frame, GazeSource
from fakes import FACE, MS, DiscDetector, DiscEngine, frame, scene

RAW = PipelineSettings(estimator=EstimatorSettings(smoothing=None))
DISC = (160.0, 120.0, 30.0)
K = (300.0, 0.0, 160.0, 0.0, 300.0, 120.0, 0.0, 0.0, 1.0)
CAMERA = camera_from_info(CameraInfo(320, 240, K), 320, 240)


def discs(settings=RAW):
    return FacePipeline(DiscEngine(), DiscDetector(), settings)


def states(result):
    return {face.id: face.state for face in result.faces}


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


def all_numbers(value):
    """Every number in an answer."""
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, tuple):
        return [n for v in value for n in all_numbers(v)]
    if hasattr(value, "__dataclass_fields__"):
        return [n for k in value.__dataclass_fields__ for n in all_numbers(getattr(value, k))]
    return [value] if isinstance(value, int | float) else []


def test_a_face_is_found_followed_and_lost():
    pipeline = discs()
    first = pipeline.process(frame(0, DISC))
    assert states(first) == {1: FaceState.DETECTED}
    assert first.detector_ran
    for n in range(1, 5):
        result = pipeline.process(frame(n, (160 + 3 * n, 120, 30)))
        assert states(result) == {1: FaceState.TRACKED}
        assert not result.detector_ran
        (face,) = result.faces
        expected = FACE * 30 + (160 + 3 * n, 120)
        np.testing.assert_allclose(face.landmarks, expected, atol=1)
        assert face.box.width == pytest.approx(np.ptp(face.landmarks[:, 0]))
        assert face.age_ns == 33 * n * MS
        assert face.frames_since_detection == n
    last = pipeline.process(frame(5))
    (face,) = last.faces
    assert face.state is FaceState.LOST
    assert face.landmarks is face.pose is face.gaze is face.sigma is None
    assert face.box.cx == pytest.approx(172, abs=1)
    assert pipeline.process(frame(6)).faces == ()


def test_the_header_of_the_frame_comes_back_untouched():
    result = discs().process(Frame(scene(), 123_456_789, "/odd frame"))
    assert (result.stamp_ns, result.frame_id) == (123_456_789, "/odd frame")
    assert (result.width, result.height) == (320, 240)
    assert result.timing.total_ns > 0


def test_without_a_crop_the_engine_is_not_called():
    pipeline = discs()
    for n in range(20):
        assert pipeline.process(frame(n)).faces == ()
    assert pipeline.engine.batches == []


def test_all_faces_of_a_frame_go_into_one_engine_call():
    pipeline = discs()
    three = [(60, 60, 20), (160, 180, 25), (260, 80, 22)]
    for n in range(4):
        assert len(pipeline.process(frame(n, *three)).faces) == 3
    assert pipeline.engine.batches == [3, 3, 3, 3]


def test_known_and_new_faces_share_the_call():
    pipeline = discs(replace(RAW, detect_interval_ns=0))
    pipeline.process(frame(0, (60, 60, 20)))
    result = pipeline.process(frame(1, (60, 60, 20), (260, 80, 22)))
    assert states(result) == {1: FaceState.TRACKED, 2: FaceState.DETECTED}
    assert pipeline.engine.batches == [1, 2]


def test_each_face_keeps_its_id_and_place_when_another_leaves():
    pipeline = discs()
    a, b, c = (60, 60, 20), (160, 120, 25), (260, 190, 22)
    pipeline.process(frame(0, a, b, c))
    assert states(pipeline.process(frame(1, a, c))) == {
        1: FaceState.TRACKED,
        2: FaceState.LOST,
        3: FaceState.TRACKED,
    }
    result = pipeline.process(frame(2, a, c))
    assert [round(f.box.cx) for f in result.faces] == [60, 260]


@pytest.mark.parametrize("ms", [8, 33, 100])
def test_the_detector_runs_by_the_images_stamps(ms):
    """While faces are held every detect_interval, without faces every search_interval."""
    settings = replace(RAW, detect_interval_ns=1000 * MS, search_interval_ns=200 * MS)
    held, empty = discs(settings), discs(settings)
    count = 3000 // ms
    ran = [n * ms for n in range(count) if held.process(frame(n, DISC, ms=ms)).detector_ran]
    assert len(ran) in (3, 4)
    assert (np.diff(ran) >= 1000).all()
    ran = [n * ms for n in range(count) if empty.process(frame(n, ms=ms)).detector_ran]
    assert (np.diff(ran) >= 200).all()
    assert (np.diff(ran) < 200 + ms).all()


def test_the_detector_rests_while_all_places_are_taken():
    pipeline = discs(replace(RAW, detect_interval_ns=0, tracker=TrackerSettings(max_faces=1)))
    for n in range(10):
        pipeline.process(frame(n, DISC))
    assert pipeline.detector.calls == 1


def test_a_crowd_is_tracked_up_to_max_faces_and_the_others_are_counted():
    places = [(40.0 + 60 * (n % 5), 50.0 + 60 * (n // 5), 15.0) for n in range(9)]
    pipeline = discs()
    for n in range(40):
        result = pipeline.process(frame(n, *places[: 9 if n < 20 else 7]))
    assert len(result.faces) == 7
    assert pipeline.untracked == 0
    pipeline = discs()
    for n in range(200):
        result = pipeline.process(frame(n, *places))
        assert len(result.faces) == 8
        assert pipeline.untracked == 1
    assert pipeline.detector.calls == 2  # rarely, where there is no place for another face
    assert pipeline.engine.batches[-1] <= 9


def test_sixty_four_faces_are_tracked_with_their_ids():
    places = [(20.0 + 30 * (n % 10), 20.0 + 30 * (n // 10), 10.0) for n in range(64)]
    pipeline = discs(replace(RAW, tracker=TrackerSettings(max_faces=64)))
    for n in range(5):
        moved = [(x + n, y, radius) for x, y, radius in places]
        result = pipeline.process(frame(n, *moved))
        assert [face.id for face in result.faces] == list(range(1, 65))


def test_the_detector_searches_at_once_for_a_face_just_lost():
    pipeline = discs(replace(RAW, search_interval_ns=10**10))
    pipeline.process(frame(0, DISC))
    assert states(pipeline.process(frame(1))) == {1: FaceState.LOST}
    assert pipeline.process(frame(2)).detector_ran
    assert states(pipeline.process(frame(3, DISC))) == {1: FaceState.DETECTED}


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (frame(-1, DISC), "time went back"),
        (frame(-(10**4), DISC), "time went back"),
        (frame(100, DISC), "time jumped forward"),
        (frame(300, DISC), "time jumped forward"),
        (frame(3, DISC, frame_id="other"), "frame_id changed"),
        (frame(3, DISC, size=(200, 320)), "resolution changed"),
    ],
)
def test_a_jump_begins_anew_with_the_face_that_is_there(odd, reason):
    pipeline = discs()
    for n in range(3):
        pipeline.process(frame(n, DISC))
    result = pipeline.process(odd)
    assert pipeline.resets == {reason: 1}
    assert result.detector_ran
    assert states(result) == {2: FaceState.DETECTED}
    assert result.faces[0].age_ns == 0


def test_a_pause_below_the_jump_is_no_jump():
    pipeline = discs()
    pipeline.process(frame(0, DISC))
    pipeline.process(frame(2, DISC, ms=1000))
    assert pipeline.resets == {}


def test_a_looped_recording_is_answered_alike_in_every_round():
    pipeline = discs(PipelineSettings())
    rounds = []
    for _ in range(3):
        results = [pipeline.process(frame(n, (100 + 4 * n, 120, 30))) for n in range(6)]
        rounds.append([face.landmarks for r in results for face in r.faces])
    for other in rounds[1:]:
        np.testing.assert_array_equal(rounds[0], other)


def test_repeated_stamps_are_processed_and_no_jump():
    pipeline = discs(PipelineSettings())
    for _ in range(5):
        result = pipeline.process(frame(0, DISC), CAMERA)
    assert pipeline.resets == {}
    assert states(result) == {1: FaceState.TRACKED}
    assert np.isfinite(all_numbers(result)).all()


IN_A_ROOM = {
    "all zero": lambda n: 0,
    "all the same": lambda n: 100 * 10**9,
}


@pytest.mark.parametrize("stamps", IN_A_ROOM)
def test_a_person_who_comes_is_found_although_stamps_stand_still(stamps):
    pipeline = discs()
    stamp = IN_A_ROOM[stamps]
    for n in range(30):
        assert pipeline.process(Frame(scene(), stamp(n), "camera")).faces == ()
    found = [pipeline.process(Frame(scene(DISC), stamp(n), "camera")).faces for n in range(20)]
    assert sum(bool(faces) for faces in found) >= 12
    assert pipeline.detector.calls > 5
    assert pipeline.resets == {}


@pytest.mark.parametrize("held", [False, True])
def test_an_engine_failure_leaves_the_pipeline_usable_on_the_next_frame(held):
    pipeline = discs(replace(RAW, detect_interval_ns=0))
    if held:
        pipeline.process(frame(0, DISC))
    pipeline.engine.fail = True
    with pytest.raises(BackendError, match="out of order"):
        pipeline.process(frame(1, DISC))
    result = pipeline.process(frame(2, DISC))
    assert states(result) == {1: FaceState.TRACKED if held else FaceState.DETECTED}


def test_a_detection_whose_frame_failed_is_made_again_at_once():
    pipeline = discs(replace(RAW, search_interval_ns=10**10))
    pipeline.engine.fail = True
    with pytest.raises(BackendError):
        pipeline.process(frame(0, DISC))
    assert states(pipeline.process(frame(1, DISC))) == {1: FaceState.DETECTED}


def broken(name, index, value):
    def change(output):
        array = getattr(output, name).copy()
        array[(..., *index)] = value
        return replace(output, **{name: array})

    return change


NAN = float("nan")
BROKEN = {
    "presence nan": broken("presence", (), NAN),
    "one landmark nan": broken("landmarks", (5, 1), NAN),
    "rotation nan": broken("rotation", (0, 0), NAN),
    "rotation inf": broken("rotation", (2, 1), np.inf),
    "sigma nan": broken("sigma", (9,), NAN),
    "landmarks inf": broken("landmarks", (5, 1), -np.inf),
    "landmarks huge": broken("landmarks", (0, 0), 1e308),
    "landmarks far outside": broken("landmarks", (3, 0), 50.0),
    "a whole face far outside": lambda o: replace(o, landmarks=o.landmarks + 2.0),
    "landmarks all equal": broken("landmarks", (slice(None), slice(None)), 0.5),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_makes_no_sense_is_no_face(change):
    pipeline = discs()
    pipeline.engine.change = change
    assert pipeline.process(frame(0, DISC), CAMERA).faces == ()
    pipeline.engine.change = lambda output: output
    pipeline.process(frame(10, DISC), CAMERA)
    pipeline.engine.change = change
    result = pipeline.process(frame(11, DISC), CAMERA)
    assert states(result) == {1: FaceState.LOST}
    assert np.isfinite(all_numbers(result)).all()
    pipeline.engine.change = lambda output: output
    assert states(pipeline.process(frame(12, DISC), CAMERA)) == {1: FaceState.DETECTED}


def test_a_presence_that_sticks_on_an_empty_scene_does_not_start_faces():
    pipeline = discs()
    pipeline.engine.change = lambda output: replace(output, presence=output.presence * 0 + 1)
    for n in range(10):
        assert pipeline.process(frame(n)).faces == ()


class StuckEngine(DiscEngine):
    """Once it has seen a disc it sees a face in the middle of every crop, disc or none."""

    def run(self, crops):
        output = super().run(crops)
        empty = output.presence < 0.5
        landmarks = np.where(empty[:, None, None], FACE / 2.8 + 0.5, output.landmarks)
        return replace(output, landmarks=landmarks, presence=np.ones(len(crops)))


def test_a_face_that_sticks_to_the_background_with_full_presence_dies():
    pipeline = FacePipeline(StuckEngine(), DiscDetector(), RAW)
    pipeline.process(frame(0, DISC))
    lost = [n for n in range(1, 90) if states(pipeline.process(frame(n))) == {1: FaceState.LOST}]
    assert lost == [62]  # 2 s and a frame
    assert pipeline.process(frame(91)).faces == ()


def test_a_face_that_the_detector_never_finds_again_lives():
    """As one in profile does."""
    pipeline = FacePipeline(StuckEngine(), DiscDetector(), RAW)
    pipeline.process(frame(0, DISC))
    pipeline.detector.blind = True
    for n in range(1, 300):
        assert states(pipeline.process(frame(n, (160 + 0.2 * n, 120, 30)))) == {
            1: FaceState.TRACKED
        }
    assert sum(pipeline.engine.batches) == 300 + 4  # a second look each 2 s


def test_faces_that_pass_each_other_keep_their_ids():
    """The larger one is in front; the other is hidden for a while and comes out behind it."""
    pipeline = discs(replace(RAW, detect_interval_ns=200 * MS))
    seen = []
    for n in range(60):
        behind, front = (60 + 3.4 * n, 120, 24), (250 - 3.4 * n, 126, 30)
        hidden = abs(behind[0] - front[0]) < 40
        result = pipeline.process(frame(n, front) if hidden else frame(n, behind, front))
        seen.append({f.id: f.box.cx for f in result.faces if f.state is not FaceState.LOST})
    assert set().union(*seen) == {1, 2}
    first, last = seen[0], seen[-1]
    assert len(last) == 2
    front = max(first, key=first.get)
    assert last[front] == min(last.values())
    assert min(len(s) for s in seen) == 1  # it was hidden indeed


def test_the_pose_of_a_face_off_the_middle_is_turned_by_its_ray():
    """All discs look frontal in their crops; only the one on the axis faces the image plane."""
    for x in (60, 160, 260):
        (face,) = discs().process(frame(0, (x, 120, 25)), CAMERA).faces
        turn = np.arctan2(x - 160, 300)
        assert angle_between(face.pose.rotation, about_y(turn) @ FACING) < np.radians(0.3)
        position = face.pose.position
        assert position[0] / position[2] == pytest.approx((x - 160) / 300, abs=0.02)
        assert face.gaze.source is GazeSource.HEAD
        np.testing.assert_allclose(face.gaze.direction, face.pose.rotation[:, 0])
        # A face that looks frontal looks into the lens.
        ray = position / np.linalg.norm(position)
        assert face.gaze.direction @ ray == pytest.approx(-1, abs=0.01)


def test_the_distance_is_that_of_a_head_of_mean_size():
    (near,) = discs().process(frame(0, (160, 120, 60)), CAMERA).faces
    (far,) = discs().process(frame(0, (160, 120, 20)), CAMERA).faces
    assert far.pose.position[2] / near.pose.position[2] == pytest.approx(3, rel=0.05)
    settings = replace(RAW, estimator=EstimatorSettings(smoothing=None, head_scale=0.5))
    (child,) = discs(settings).process(frame(0, (160, 120, 20)), CAMERA).faces
    np.testing.assert_allclose(child.pose.position, far.pose.position / 2, rtol=1e-9)


def test_sigma_is_in_pixels_of_the_image():
    (face,) = discs().process(frame(0, (160, 120, 40))).faces
    first_crop = 1.25 * 2 * 40
    np.testing.assert_allclose(face.sigma, 0.01 * first_crop, rtol=0.03)


def test_without_a_camera_there_is_a_rotation_but_no_position():
    (face,) = discs().process(frame(0, (60, 120, 25))).faces
    assert face.pose.position is None
    np.testing.assert_allclose(face.pose.rotation, FACING, atol=1e-9)
    assert not face.pose.covariance[:3, :3].any()
    assert (face.pose.covariance.diagonal()[3:] > 0).all()


def test_smoothing_may_be_switched_while_faces_are_held():
    pipeline = discs(PipelineSettings())
    pipeline.process(frame(0, DISC))
    lagging = pipeline.process(frame(1, (170, 120, 30))).faces[0]
    pipeline.settings = RAW
    exact = pipeline.process(frame(2, (180, 120, 30))).faces[0]
    assert lagging.landmarks.mean(axis=0)[0] < lagging.box.cx - 0.5
    np.testing.assert_allclose(exact.landmarks, FACE * 30 + (180, 120), atol=1)
    pipeline.settings = replace(
        RAW, estimator=EstimatorSettings(smoothing=OneEuroSettings(min_cutoff=1e6))
    )
    pipeline.process(frame(3, (180, 120, 30)))
    quick = pipeline.process(frame(4, (190, 120, 30))).faces[0]
    np.testing.assert_allclose(quick.landmarks, FACE * 30 + (190, 120), atol=1)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 40), (24, 24), (20, 30000)])
def test_pictures_of_any_shape_are_processed(size, shipped):
    for pipeline in (discs(), shipped()):
        result = pipeline.process(frame(0, size=size), CAMERA)
        assert result.faces == ()
        assert (result.height, result.width) == size


@pytest.mark.parametrize(
    "disc",
    [(2, 120, 30), (318, 238, 30), (160, 1, 12), (160, 120, 5), (160, 120, 115), (160, 120, 400)],
    ids=["half outside", "in a corner", "at the upper border", "tiny", "huge", "all there is"],
)
def test_faces_at_the_border_tiny_and_huge_are_answered_with_numbers(disc):
    pipeline = discs()
    for n in range(6):
        result = pipeline.process(frame(n, disc), CAMERA)
        assert np.isfinite(all_numbers(result)).all()
    assert pipeline.resets == {}
    assert states(pipeline.process(frame(7, DISC))).keys(), "and the next one is found"


# --- with the shipped model on real photographs --------------------------------------------------


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
