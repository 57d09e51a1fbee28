# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tracker: ids, states, prediction and limits, without images."""

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros.crop import Crop, crop_from_landmarks
from atpn_ros.pipeline.track import Observation
from atpn_ros.pipeline.tracker import Tracker, TrackerSettings
from atpn_ros.types import FaceState
from fakes import FACE, MS
from tracker_runs import STEP, TrackerRun, crop_at, face, gone


def test_a_found_face_is_detected_then_tracked():
    run = TrackerRun()
    run.step(found=[face(100)])
    (track,) = run.tracker.tracks
    assert (track.id, track.state, track.frames_since_detection) == (1, FaceState.DETECTED, 0)
    run.step(face(101))
    assert (track.state, track.frames_since_detection) == (FaceState.TRACKED, 1)


def test_ids_are_never_reused():
    run = TrackerRun(memory_ns=0, absence_ns=0)
    seen = []
    for n in range(5):
        run.step(found=[face(50 + 40 * n)])
        seen += run.ids
        assert run.step(gone()) == seen[-1:]
        run.step(ns=10**9)
    run.tracker.reset()
    run.step(found=[face(100)])
    assert [*seen, *run.ids] == [1, 2, 3, 4, 5, 6]


def test_a_lost_face_is_reported_once_with_its_last_box():
    run = TrackerRun()
    run.step(found=[face(100)])
    (track,) = run.tracker.tracks
    box = track.box
    assert run.step(gone()) == [1]
    assert track.state is FaceState.LOST
    assert track.box == box
    assert track.presence == 0.1
    assert run.ids == []
    assert run.step() == []


@pytest.mark.parametrize(("x", "waited_ms", "ids"), [(105, 50, [1]), (105, 800, []), (300, 50, [])])
def test_little_evidence_does_not_count_against_a_face_that_was_just_lost(x, waited_ms, ids):
    run = TrackerRun(memory_ns=700 * MS)
    run.step(found=[face(100)])
    run.step(face(100), ns=600 * MS)
    run.step(gone())
    weak = replace(face(x, presence=0.8), evidence=-3.0)
    run.step(found=[weak], ns=waited_ms * MS)
    assert run.ids == ids


@pytest.mark.parametrize(
    ("tracked_ms", "evidence", "x", "waited_ms", "found"),
    [
        (300, -0.8, 100, 100, False),
        (300, -0.8, 100, 3000, False),
        (300, -0.8, 100, 5000, True),  # forgotten after absence_ns
        (300, -0.8, 300, 100, True),  # elsewhere
        (300, 0.1, 100, 100, True),
        (600, -0.8, 100, 100, True),
    ],
)
def test_little_evidence_counts_for_more_where_a_tentative_track_was_lost(
    tracked_ms, evidence, x, waited_ms, found
):
    run = TrackerRun(memory_ns=700 * MS, absence_ns=4000 * MS)
    again = replace(face(x, presence=0.97), evidence=evidence)
    run.step(found=[replace(again, landmarks=face(100).landmarks)])
    run.step(face(100), ns=tracked_ms * MS)
    assert run.step(gone())
    run.step(found=[again], ns=waited_ms * MS)
    assert bool(run.ids) == found


def test_a_face_that_was_tracked_for_long_is_found_again_and_again_with_little_evidence():
    run = TrackerRun(memory_ns=700 * MS)
    weak = replace(face(100, presence=0.8), evidence=-3.0)
    run.step(found=[face(100)])
    run.step(face(100), ns=600 * MS)
    for _ in range(3):
        run.step(gone())
        run.step(found=[weak], ns=50 * MS)
        assert run.ids == [1]


@pytest.mark.parametrize(("waited_ms", "expected"), [(100, 1), (700, 1), (701, 2), (5000, 2)])
def test_a_face_found_again_keeps_its_id_within_the_memory_only(waited_ms, expected):
    run = TrackerRun(memory_ns=700 * MS, absence_ns=0)
    run.step(found=[face(100)])
    run.step(gone(), ns=50 * MS)
    run.step(found=[face(110)], ns=(waited_ms - 50) * MS)
    assert run.ids == [expected]


@pytest.mark.parametrize(
    "elsewhere", [face(250), face(100, 250), face(100, radius=80), face(100, radius=12)]
)
def test_a_face_elsewhere_or_of_another_size_is_another_face(elsewhere):
    run = TrackerRun()
    run.step(found=[face(100)])
    run.step(gone())
    run.step(found=[elsewhere])
    assert run.ids == [2]


def test_the_detector_may_find_a_face_again_in_the_frame_that_lost_it():
    run = TrackerRun()
    run.step(found=[face(100)])
    assert run.step(gone(), found=[face(140)]) == []
    assert run.ids == [1]
    assert run.tracker.tracks[0].state is FaceState.DETECTED


def test_recent_losses_only_while_a_lost_face_is_remembered():
    run = TrackerRun(memory_ns=500 * MS)
    assert not run.tracker.has_recent_losses
    run.step(found=[face(100)])
    assert not run.tracker.has_recent_losses
    run.step(gone())
    assert run.tracker.has_recent_losses
    run.step(ns=10**9)
    assert not run.tracker.has_recent_losses


def nan_presence():
    return Observation(FACE * 30 + 100.0, float("nan"))


def nan_point():
    points = FACE * 30 + 100.0
    points[7, 1] = np.nan
    return Observation(points, 0.99)


BAD_OBSERVATIONS = {
    "nan presence": nan_presence(),
    "nan point": nan_point(),
    "infinite points": Observation(np.full((98, 2), np.inf), 0.99),
    "all points equal": Observation(np.full((98, 2), 50.0), 0.99),
    "points on a line": Observation(FACE * (30, 0.5) + 100.0, 0.99),
    "tiny": face(100, radius=3, presence=0.99),
    "low presence": face(100, presence=0.49),
}


@pytest.mark.parametrize("observation", BAD_OBSERVATIONS.values(), ids=BAD_OBSERVATIONS)
def test_a_bad_observation_neither_keeps_nor_starts_a_face(observation):
    run = TrackerRun()
    run.step(found=[observation])
    assert run.ids == []
    run.step(found=[face(100)])
    assert run.step(observation) == [1]
    assert np.isfinite(run.tracker._lost.recent[0].presence)
    assert np.isfinite(run.tracker._lost.recent[0].landmarks).all()


@pytest.mark.parametrize(
    ("evidence", "presence", "starts"),
    [(0.0, 0.69, False), (0.0, 0.71, True), (-3.0, 0.97, False), (-3.0, 0.985, True),
     (5.0, 0.51, True), (5.0, 0.49, False)],
)  # fmt: skip
def test_log_odds_of_detection_and_presence_add_up_where_a_track_starts(evidence, presence, starts):
    tracker = Tracker(TrackerSettings(start_presence=0.7, keep_presence=0.5))
    seen = Observation(FACE * 30 + 100.0, presence, 0, evidence)
    tracker.update([seen], 0)
    assert bool(tracker.tracks) is starts


def test_starting_needs_more_presence_than_keeping():
    run = TrackerRun(start_presence=0.7, keep_presence=0.5)
    run.step(found=[face(100, presence=0.6)])
    assert run.ids == []
    run.step(found=[face(100, presence=0.7)])
    run.step(face(100, presence=0.5))
    assert run.ids == [1]


def test_two_tracks_on_one_face_become_one_and_the_older_stays():
    run = TrackerRun()
    run.step(found=[face(100), face(200)])
    assert run.ids == [1, 2]
    assert run.step(face(150), face(152)) == [2]
    assert run.ids == [1]


def test_a_face_that_crosses_behind_another_does_not_end_it():
    run = TrackerRun()
    run.step(found=[face(100), face(200)])
    run.step(face(130), face(175))
    assert run.ids == [1, 2]


def test_the_same_face_found_twice_starts_once():
    run = TrackerRun()
    run.step(found=[face(100), face(103)])
    assert run.ids == [1]
    new = Tracker(TrackerSettings()).match_detections([crop_at(100), crop_at(103), crop_at(300)])
    assert [round(c.cx) for c in new] == [100, 300]


def test_no_more_than_max_faces_are_tracked():
    run = TrackerRun(max_faces=2)
    run.step(found=[face(x) for x in (50, 150, 250)])
    assert run.ids == [1, 2]
    assert run.tracker.free_places == 0
    assert run.tracker.untracked == 1
    run.step(face(50), face(150), found=[face(250), face(350), face(351)])
    assert (run.ids, run.tracker.untracked) == ([1, 2], 2)
    run.step(face(50), face(150))
    assert run.tracker.untracked == 0


def test_what_the_detector_finds_beyond_max_faces_counts_only_if_the_network_confirms_it():
    run = TrackerRun(max_faces=1)
    run.step(found=[face(50), face(150, presence=0.1)])
    assert (run.ids, run.tracker.untracked) == ([1], 0)


def test_when_max_faces_becomes_less_the_oldest_stay_and_the_others_are_lost():
    run = TrackerRun(max_faces=3)
    run.step(found=[face(x) for x in (50, 150, 250)])
    run.tracker.settings = TrackerSettings(max_faces=1)
    assert run.step(face(50), face(150), face(250)) == [2, 3]
    assert run.ids == [1]


def test_only_new_crops_are_asked_for():
    run = TrackerRun()
    run.step(found=[face(100)])
    new = run.tracker.match_detections([crop_at(105), crop_at(300)])
    assert [round(c.cx) for c in new] == [300]


def test_the_count_since_the_detection_starts_anew_when_the_detector_confirms():
    run = TrackerRun()
    run.step(found=[face(100)])
    for _ in range(5):
        run.step(face(100))
    (track,) = run.tracker.tracks
    assert track.frames_since_detection == 5
    run.tracker.predict(run.stamp)
    run.tracker.match_detections([crop_at(100)])
    run.tracker.update([face(100)], run.stamp)
    assert (track.frames_since_detection, track.state) == (0, FaceState.TRACKED)
    run.step(face(100))
    assert track.frames_since_detection == 1


def test_a_face_that_is_confirmed_and_lost_in_one_frame_has_no_negative_count():
    run = TrackerRun()
    run.step(found=[face(100)])
    run.tracker.predict(run.stamp)
    run.tracker.match_detections([crop_at(100)])
    (lost,) = run.tracker.update([gone()], run.stamp)
    assert lost.frames_since_detection == 0


def test_a_confirmation_whose_frame_failed_does_not_count():
    run = TrackerRun()
    run.step(found=[face(100)])
    run.tracker.predict(run.stamp)
    run.tracker.match_detections([crop_at(100)])  # and then the engine raised
    run.step(face(100))
    assert run.tracker.tracks[0].frames_since_detection == 1


def test_a_face_that_blinks_out_again_and_again_is_not_dropped_for_it():
    """Misses in all must not count, only now."""
    run = TrackerRun()
    run.step(found=[face(100)])
    for _ in range(50):
        run.step(gone())
        run.step(found=[face(100)])
    assert run.ids == [1]


def test_tracks_are_in_the_order_of_their_ids():
    run = TrackerRun()
    run.step(found=[face(50), face(150), face(250)])
    run.step(gone(), face(150), face(250))
    run.step(face(150), face(250), found=[face(55)])
    assert run.ids == [1, 2, 3]


def test_prediction_goes_ahead_with_the_motion_but_not_out_of_the_crop():
    run = TrackerRun()
    run.step(found=[face(100)])
    for n in range(1, 12):
        run.step(face(100 + 6 * n))
    here = crop_from_landmarks(run.tracker.tracks[0].landmarks)
    (soon,) = run.tracker.predict(run.stamp + STEP)
    assert soon.cx - here.cx == pytest.approx(6, rel=0.1)
    assert soon.cy == pytest.approx(here.cy)
    (late,) = run.tracker.predict(run.stamp + 100 * STEP)
    assert 6 < late.cx - here.cx <= 0.35 * here.side + 1e-9
    (back,) = run.tracker.predict(run.stamp - STEP)
    assert back == here


def test_repeated_stamps_neither_divide_by_zero_nor_move():
    run = TrackerRun()
    run.step(found=[face(100)])
    for x in (110, 120, 130):
        run.step(face(x), ns=0)
    assert run.ids == [1]
    assert not run.tracker.tracks[0].velocity.any()


def test_reset_drops_tracked_and_lost_faces():
    run = TrackerRun()
    run.step(found=[face(100), face(200)])
    run.step(gone(), face(200))
    run.tracker.reset()
    assert not run.tracker.has_recent_losses
    assert run.tracker.predict(run.stamp) == []
    run.step(found=[face(100)])
    assert run.ids == [3]


def test_frames_without_anything_are_fine():
    run = TrackerRun()
    assert run.tracker.predict(0) == []
    assert run.tracker.match_detections([]) == []
    assert run.step() == []


def test_boxes_of_no_size_are_new_faces_at_most():
    tracker = Tracker(TrackerSettings())
    assert len(tracker.match_detections([Crop(10, 10, 0.0)])) == 1
    tracker.update([Observation(np.full((98, 2), 10.0), 0.9)], 0)
    assert tracker.tracks == []
