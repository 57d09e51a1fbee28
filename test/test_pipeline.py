# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pipeline on discs as faces: detection, tracking, ids and results."""

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros.geometry import FACING, about_y, angle_between
from atpn_ros.pipeline.estimator import EstimatorSettings
from atpn_ros.pipeline.one_euro import OneEuroSettings
from atpn_ros.pipeline.pipeline import PipelineSettings
from atpn_ros.pipeline.tracker import TrackerSettings
from atpn_ros.types import FaceState, Frame, GazeSource
from fakes import FACE, MS, frame, scene
from pipelines import CAMERA, DISC, RAW, all_numbers, discs, states


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


def test_a_tracked_face_is_covered_in_the_crop_of_the_one_beside_it():
    pipeline = discs()
    run, crops_of = pipeline.engine.run, []

    def recorded(crops):
        crops_of.append(crops.copy())
        return run(crops)

    pipeline.engine.run = recorded
    for n in range(3):
        pipeline.process(frame(n, (100, 120, 40), (162, 120, 20)))
    # The border of the larger face's crop, level with both, shows the other disc.
    shown = [(crops[0, 60:72, 122:126] == (0, 0, 255)).all() for crops in crops_of]
    assert shown == [True, False, False]  # in the first frame, neither is tracked yet


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
