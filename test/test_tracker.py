# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ids, lost faces, re-identification, and wrong outputs of the network and the detector."""

import numpy as np
import pytest

from atpn_ros.crop import Crop, crop_from_landmarks
from atpn_ros.pipeline.track import Observation
from atpn_ros.pipeline.tracker import Tracker, TrackerSettings
from atpn_ros.types import FaceState
from fakes import FACE, MS

STEP = 33 * MS


def face(x, y=100.0, radius=30.0, presence=0.9, index=0):
    return Observation(FACE * radius + (x, y), presence, index)


def gone(presence=0.1):
    return face(0, presence=presence)


def crop_at(x, y=100.0, radius=30.0):
    return crop_from_landmarks(FACE * radius + (x, y))


class TrackerRun:
    """A tracker and the stamp of its last frame."""

    def __init__(self, **settings):
        self.tracker = Tracker(TrackerSettings(**settings))
        self.stamp = 10**9

    def step(self, *observations, found=(), ns=STEP):
        """One frame: observations of tracked faces, then of detections. Returns the lost ids."""
        self.stamp += ns
        self.tracker.predict(self.stamp)
        places = [observation.landmarks[:, 0].mean() for observation in found]
        self.tracker.match_detections([crop_at(x) for x in places if np.isfinite(x)])
        return [t.id for t in self.tracker.update([*observations, *found], self.stamp)]

    @property
    def ids(self):
        return [t.id for t in self.tracker.tracks]


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
    assert np.isfinite(run.tracker._lost[0].presence)
    assert np.isfinite(run.tracker._lost[0].landmarks).all()


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


# --- close together -------------------------------------------------------------------------------


def test_a_track_drawn_onto_another_face_gives_it_back():
    """The younger stands, the older walks into it: whose motion led there keeps the face."""
    run = TrackerRun()
    run.step(found=[face(100), face(300)])
    for x in (110, 120, 130, 140, 150):
        run.step(face(x), face(300))
    # 1 walks on behind 2; what it sees now is 2's face.
    for x in (170, 190, 210, 230):
        run.step(face(x), face(300))
    assert run.step(face(300), face(300)) == [1]
    assert run.ids == [2]
    # It comes out on the other side, where it was heading.
    run.step(face(300), ns=2 * STEP)
    run.step(face(300), found=[face(350)], ns=2 * STEP)
    assert run.ids == [1, 2]
    assert [round(t.box.cx) for t in run.tracker.tracks] == [350, 300]


def test_observations_are_paired_by_the_least_motion_of_all():
    run = TrackerRun()
    run.step(found=[face(100), face(190), face(280)])
    # The first two both see the second face, and the third its own.
    assert run.step(face(188), face(190), face(280)) == [1]
    assert [round(t.box.cx) for t in run.tracker.tracks] == [190, 280]


def test_a_track_takes_its_own_observation_of_a_face_that_several_see():
    """It is the one that was made in the crop where the face was expected."""
    run = TrackerRun()
    run.step(found=[face(100), face(190)])
    run.step(face(187, index=0), face(188, index=1))
    (track,) = run.tracker.tracks
    assert (track.id, track.observation.index) == (2, 1)


def test_two_lost_faces_are_found_again_as_themselves():
    """The nearest alone would give the first of them the other's id."""
    run = TrackerRun()
    run.step(found=[face(100), face(165)])
    assert run.step(gone(), gone()) == [1, 2]
    run.step(found=[face(140), face(200)])
    assert {t.id: round(t.box.cx) for t in run.tracker.tracks} == {1: 140, 2: 200}


def test_detections_confirm_one_track_each():
    run = TrackerRun()
    run.step(found=[face(100), face(150)])
    run.tracker.predict(run.stamp)
    # Both overlap both; each has its own.
    assert run.tracker.match_detections([crop_at(130), crop_at(170)]) == []
    assert all(t.confirmed for t in run.tracker.tracks)


def test_a_new_face_half_hidden_by_a_tracked_one_gets_a_crop():
    run = TrackerRun()
    run.step(found=[face(100)])
    run.tracker.predict(run.stamp)
    new = run.tracker.match_detections([crop_at(100), crop_at(143)])
    assert [round(c.cx) for c in new] == [143]


# --- re-verification ------------------------------------------------------------------------------


class ReverifiedRun(TrackerRun):
    """A run that answers every re-verification, and records the crops that were requested."""

    def __init__(self, second, **settings):
        super().__init__(**settings)
        self.second, self.asked = second, []

    def step(self, *observations, found=(), ns=STEP, confirm=False):
        self.stamp += ns
        tracker = self.tracker
        tracker.predict(self.stamp)
        again = [crop_from_landmarks(o.landmarks) for o in observations] if confirm else []
        tracker.match_detections(again + [crop_from_landmarks(o.landmarks) for o in found])
        crops = tracker.reverification_crops(self.stamp)
        self.asked += crops
        second = [self.second(c) for c in crops]
        return [t.id for t in tracker.update([*observations, *found, *second], self.stamp)]


def stuck(crop):
    """What a network says that sees a face in the middle of whatever it is shown."""
    return face(crop.cx, crop.cy, crop.side / 2.8)


def real(x):
    """What it says of a real face that is at x."""
    return lambda crop: face(x)


@pytest.mark.parametrize("second", [stuck, lambda crop: face(100, presence=0.3)])
def test_a_track_that_is_stuck_on_background_dies_soon_after_its_time(second):
    run = ReverifiedRun(second, recheck_ns=1000 * MS)
    run.step(found=[face(100)])
    lost = [n for n in range(1, 60) if run.step(*[face(100)] * len(run.ids))]
    assert lost == [32]  # 31 * 33 ms and one frame more
    assert len(run.asked) == 2


def test_a_profile_that_no_detector_finds_is_kept_by_reverification():
    run = ReverifiedRun(real(100), recheck_ns=1000 * MS)
    run.step(found=[face(100)])
    for _ in range(300):
        assert run.step(face(100)) == []
    assert len(run.asked) == 9  # one a second


def test_one_failed_reverification_is_tolerated():
    answers = iter([stuck, real(100), stuck, real(100)])
    run = ReverifiedRun(lambda crop: next(answers)(crop), recheck_ns=1000 * MS)
    run.step(found=[face(100)])
    for _ in range(70):
        assert run.step(face(100)) == []
    assert len(run.asked) == 4


def test_a_reverification_crop_changes_sides_when_it_is_repeated():
    run = ReverifiedRun(stuck, recheck_ns=1000 * MS)
    run.step(found=[face(100)])
    for _ in range(40):
        run.step(*[face(100)] * len(run.ids))
    first, again = run.asked
    side = crop_at(100).side
    assert first.side == again.side == pytest.approx(1.25 * side)
    assert (first.cx - 100) * (again.cx - 100) < 0
    assert abs(first.cx - 100) == pytest.approx(0.12 * side)


def test_what_the_detector_confirms_needs_no_reverification():
    run = ReverifiedRun(stuck, recheck_ns=1000 * MS)
    run.step(found=[face(100)])
    for n in range(100):
        assert run.step(face(100), confirm=n % 20 == 0) == []
    assert run.asked == []


def test_there_is_at_most_one_reverification_in_a_frame_and_each_face_gets_its_turn():
    def second(crop):
        return face(round((crop.cx - 40) / 80) * 80 + 40)

    run = ReverifiedRun(second, recheck_ns=500 * MS)
    places = [40, 120, 200, 280]
    run.step(found=[face(x) for x in places])
    asked = []
    for _ in range(60):
        before = len(run.asked)
        assert run.step(*[face(x) for x in places]) == []
        asked.append(len(run.asked) - before)
    assert max(asked) == 1
    assert sum(asked) == 12
    assert all(t.failed_checks == 0 for t in run.tracker.tracks)


def test_without_recheck_there_are_no_reverifications():
    run = ReverifiedRun(stuck, recheck_ns=0)
    run.step(found=[face(100)])
    for _ in range(100):
        assert run.step(face(100)) == []
    assert run.asked == []
