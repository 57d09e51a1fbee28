# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Who is who: ids, loss, memory and everything that a network or a detector may say wrongly."""

import numpy as np
import pytest

from atpn_ros.crop import Crop, crop_from_landmarks
from atpn_ros.pipeline.tracker import Observation, Tracker, TrackerSettings
from atpn_ros.types import FaceState
from fakes import FACE, MS

STEP = 33 * MS


def face(x, y=100.0, radius=30.0, presence=0.9, index=0):
    return Observation(FACE * radius + (x, y), presence, index)


def gone(presence=0.1):
    return face(0, presence=presence)


def crop_at(x, y=100.0, radius=30.0):
    return crop_from_landmarks(FACE * radius + (x, y))


class Story:
    """A tracker and its time."""

    def __init__(self, **settings):
        self.tracker = Tracker(TrackerSettings(**settings))
        self.stamp = 10**9

    def step(self, *looks, found=(), ns=STEP):
        """One frame: looks at held faces, then at what was found. Returns the lost ids."""
        self.stamp += ns
        self.tracker.predict(self.stamp)
        places = [look.landmarks[:, 0].mean() for look in found]
        self.tracker.confirm([crop_at(x) for x in places if np.isfinite(x)])
        return [t.id for t in self.tracker.update([*looks, *found], self.stamp)]

    @property
    def ids(self):
        return [t.id for t in self.tracker.held]


def test_a_found_face_is_detected_then_tracked():
    story = Story()
    story.step(found=[face(100)])
    (track,) = story.tracker.held
    assert (track.id, track.state, track.frames_since_detection) == (1, FaceState.DETECTED, 0)
    story.step(face(101))
    assert (track.state, track.frames_since_detection) == (FaceState.TRACKED, 1)


def test_ids_are_never_reused():
    story = Story(memory_ns=0)
    seen = []
    for n in range(5):
        story.step(found=[face(50 + 40 * n)])
        seen += story.ids
        assert story.step(gone()) == seen[-1:]
        story.step(ns=10**9)
    story.tracker.reset()
    story.step(found=[face(100)])
    assert [*seen, *story.ids] == [1, 2, 3, 4, 5, 6]


def test_a_lost_face_is_told_once_with_its_last_box():
    story = Story()
    story.step(found=[face(100)])
    (track,) = story.tracker.held
    box = track.box
    assert story.step(gone()) == [1]
    assert track.state is FaceState.LOST
    assert track.box == box
    assert track.presence == 0.1
    assert story.ids == []
    assert story.step() == []


@pytest.mark.parametrize(("waited_ms", "expected"), [(100, 1), (700, 1), (701, 2), (5000, 2)])
def test_a_face_found_again_keeps_its_id_within_the_memory_only(waited_ms, expected):
    story = Story(memory_ns=700 * MS)
    story.step(found=[face(100)])
    story.step(gone(), ns=50 * MS)
    story.step(found=[face(110)], ns=(waited_ms - 50) * MS)
    assert story.ids == [expected]


@pytest.mark.parametrize(
    "elsewhere", [face(250), face(100, 250), face(100, radius=80), face(100, radius=12)]
)
def test_a_face_elsewhere_or_of_another_size_is_another_face(elsewhere):
    story = Story()
    story.step(found=[face(100)])
    story.step(gone())
    story.step(found=[elsewhere])
    assert story.ids == [2]


def test_the_detector_may_find_a_face_again_in_the_frame_that_lost_it():
    story = Story()
    story.step(found=[face(100)])
    assert story.step(gone(), found=[face(140)]) == []
    assert story.ids == [1]
    assert story.tracker.held[0].state is FaceState.DETECTED


def test_searching_only_while_a_lost_face_is_remembered():
    story = Story(memory_ns=500 * MS)
    assert not story.tracker.searching
    story.step(found=[face(100)])
    assert not story.tracker.searching
    story.step(gone())
    assert story.tracker.searching
    story.step(ns=10**9)
    assert not story.tracker.searching


def nan_presence():
    return Observation(FACE * 30 + 100.0, float("nan"))


def nan_point():
    points = FACE * 30 + 100.0
    points[7, 1] = np.nan
    return Observation(points, 0.99)


BAD_LOOKS = {
    "nan presence": nan_presence(),
    "nan point": nan_point(),
    "infinite points": Observation(np.full((98, 2), np.inf), 0.99),
    "all points equal": Observation(np.full((98, 2), 50.0), 0.99),
    "points on a line": Observation(FACE * (30, 0.5) + 100.0, 0.99),
    "tiny": face(100, radius=3, presence=0.99),
    "low presence": face(100, presence=0.49),
}


@pytest.mark.parametrize("look", BAD_LOOKS.values(), ids=BAD_LOOKS)
def test_a_bad_look_neither_keeps_nor_starts_a_face(look):
    story = Story()
    story.step(found=[look])
    assert story.ids == []
    story.step(found=[face(100)])
    assert story.step(look) == [1]
    assert np.isfinite(story.tracker._lost[0].presence)
    assert np.isfinite(story.tracker._lost[0].landmarks).all()


def test_starting_needs_more_presence_than_keeping():
    story = Story(start_presence=0.7, keep_presence=0.5)
    story.step(found=[face(100, presence=0.6)])
    assert story.ids == []
    story.step(found=[face(100, presence=0.7)])
    story.step(face(100, presence=0.5))
    assert story.ids == [1]


def test_two_tracks_on_one_face_become_one_and_the_older_stays():
    story = Story()
    story.step(found=[face(100), face(200)])
    assert story.ids == [1, 2]
    assert story.step(face(150), face(152)) == [2]
    assert story.ids == [1]


def test_a_face_that_crosses_behind_another_does_not_end_it():
    story = Story()
    story.step(found=[face(100), face(200)])
    story.step(face(130), face(175))
    assert story.ids == [1, 2]


def test_the_same_face_found_twice_starts_once():
    story = Story()
    story.step(found=[face(100), face(103)])
    assert story.ids == [1]
    new = Tracker(TrackerSettings()).confirm([crop_at(100), crop_at(103), crop_at(300)])
    assert [round(c.cx) for c in new] == [100, 300]


def test_no_more_than_max_faces_are_held():
    story = Story(max_faces=2)
    story.step(found=[face(x) for x in (50, 150, 250)])
    assert story.ids == [1, 2]
    assert story.tracker.free == 0
    assert story.tracker.confirm([crop_at(400)]) == []


def test_when_max_faces_becomes_less_the_oldest_stay_and_the_others_are_told():
    story = Story(max_faces=3)
    story.step(found=[face(x) for x in (50, 150, 250)])
    story.tracker.settings = TrackerSettings(max_faces=1)
    assert story.tracker.confirm([crop_at(400)]) == []
    assert story.step(face(50), face(150), face(250)) == [2, 3]
    assert story.ids == [1]


def test_only_new_crops_are_asked_for():
    story = Story()
    story.step(found=[face(100)])
    new = story.tracker.confirm([crop_at(105), crop_at(300)])
    assert [round(c.cx) for c in new] == [300]


def test_the_count_since_the_detection_starts_anew_when_the_detector_confirms():
    story = Story()
    story.step(found=[face(100)])
    for _ in range(5):
        story.step(face(100))
    (track,) = story.tracker.held
    assert track.frames_since_detection == 5
    story.tracker.predict(story.stamp)
    story.tracker.confirm([crop_at(100)])
    story.tracker.update([face(100)], story.stamp)
    assert (track.frames_since_detection, track.state) == (0, FaceState.TRACKED)
    story.step(face(100))
    assert track.frames_since_detection == 1


def test_a_face_that_is_confirmed_and_lost_in_one_frame_has_no_negative_count():
    story = Story()
    story.step(found=[face(100)])
    story.tracker.predict(story.stamp)
    story.tracker.confirm([crop_at(100)])
    (lost,) = story.tracker.update([gone()], story.stamp)
    assert lost.frames_since_detection == 0


def test_a_confirmation_whose_frame_failed_does_not_count():
    story = Story()
    story.step(found=[face(100)])
    story.tracker.predict(story.stamp)
    story.tracker.confirm([crop_at(100)])  # and then the engine raised
    story.step(face(100))
    assert story.tracker.held[0].frames_since_detection == 1


def test_a_face_that_blinks_out_again_and_again_is_not_dropped_for_it():
    """Misses in all must not count, only now."""
    story = Story()
    story.step(found=[face(100)])
    for _ in range(50):
        story.step(gone())
        story.step(found=[face(100)])
    assert story.ids == [1]


def test_held_faces_are_in_the_order_of_their_ids():
    story = Story()
    story.step(found=[face(50), face(150), face(250)])
    story.step(gone(), face(150), face(250))
    story.step(face(150), face(250), found=[face(55)])
    assert story.ids == [1, 2, 3]


def test_prediction_goes_ahead_with_the_motion_but_not_out_of_the_crop():
    story = Story()
    story.step(found=[face(100)])
    for n in range(1, 12):
        story.step(face(100 + 6 * n))
    here = crop_from_landmarks(story.tracker.held[0].landmarks)
    (soon,) = story.tracker.predict(story.stamp + STEP)
    assert soon.cx - here.cx == pytest.approx(6, rel=0.1)
    assert soon.cy == pytest.approx(here.cy)
    (late,) = story.tracker.predict(story.stamp + 100 * STEP)
    assert 6 < late.cx - here.cx <= 0.35 * here.side + 1e-9
    (back,) = story.tracker.predict(story.stamp - STEP)
    assert back == here


def test_repeated_stamps_neither_divide_by_zero_nor_move():
    story = Story()
    story.step(found=[face(100)])
    for x in (110, 120, 130):
        story.step(face(x), ns=0)
    assert story.ids == [1]
    assert not story.tracker.held[0].velocity.any()


def test_reset_forgets_held_and_lost_faces():
    story = Story()
    story.step(found=[face(100), face(200)])
    story.step(gone(), face(200))
    story.tracker.reset()
    assert not story.tracker.searching
    assert story.tracker.predict(story.stamp) == []
    story.step(found=[face(100)])
    assert story.ids == [3]


def test_frames_without_anything_are_fine():
    story = Story()
    assert story.tracker.predict(0) == []
    assert story.tracker.confirm([]) == []
    assert story.step() == []


def test_boxes_of_no_size_are_new_faces_at_most():
    tracker = Tracker(TrackerSettings())
    assert len(tracker.confirm([Crop(10, 10, 0.0)])) == 1
    tracker.update([Observation(np.full((98, 2), 10.0), 0.9)], 0)
    assert tracker.held == []


# --- close together -------------------------------------------------------------------------------


def test_a_track_drawn_onto_another_face_gives_it_back():
    """The younger stands, the older walks into it: whose motion led there keeps the face."""
    story = Story()
    story.step(found=[face(100), face(300)])
    for x in (110, 120, 130, 140, 150):
        story.step(face(x), face(300))
    # 1 walks on behind 2; what it sees now is 2's face.
    for x in (170, 190, 210, 230):
        story.step(face(x), face(300))
    assert story.step(face(300), face(300)) == [1]
    assert story.ids == [2]
    # It comes out on the other side, where it was heading.
    story.step(face(300), ns=2 * STEP)
    story.step(face(300), found=[face(350)], ns=2 * STEP)
    assert story.ids == [1, 2]
    assert [round(t.box.cx) for t in story.tracker.held] == [350, 300]


def test_looks_are_paired_by_the_least_motion_of_all():
    story = Story()
    story.step(found=[face(100), face(190), face(280)])
    # The first two both see the second face, and the third its own.
    assert story.step(face(188), face(190), face(280)) == [1]
    assert [round(t.box.cx) for t in story.tracker.held] == [190, 280]


def test_a_track_takes_its_own_look_at_a_face_that_several_see():
    """It is the one that was made in the crop where the face was expected."""
    story = Story()
    story.step(found=[face(100), face(190)])
    story.step(face(187, index=0), face(188, index=1))
    (track,) = story.tracker.held
    assert (track.id, track.look.index) == (2, 1)


def test_two_lost_faces_are_found_again_as_themselves():
    """The nearest alone would give the first of them the other's id."""
    story = Story()
    story.step(found=[face(100), face(165)])
    assert story.step(gone(), gone()) == [1, 2]
    story.step(found=[face(140), face(200)])
    assert {t.id: round(t.box.cx) for t in story.tracker.held} == {1: 140, 2: 200}


def test_detections_confirm_one_track_each():
    story = Story()
    story.step(found=[face(100), face(150)])
    story.tracker.predict(story.stamp)
    # Both overlap both; each has its own.
    assert story.tracker.confirm([crop_at(130), crop_at(170)]) == []
    assert all(t.confirmed for t in story.tracker.held)


def test_a_new_face_half_hidden_by_a_held_one_is_looked_at():
    story = Story()
    story.step(found=[face(100)])
    story.tracker.predict(story.stamp)
    new = story.tracker.confirm([crop_at(100), crop_at(143)])
    assert [round(c.cx) for c in new] == [143]


# --- second looks ---------------------------------------------------------------------------------


class Doubter(Story):
    """A story that hands every second look its answer, and keeps the crops that were asked for."""

    def __init__(self, second, **settings):
        super().__init__(**settings)
        self.second, self.asked = second, []

    def step(self, *looks, found=(), ns=STEP, confirm=False):
        self.stamp += ns
        tracker = self.tracker
        tracker.predict(self.stamp)
        again = [crop_from_landmarks(look.landmarks) for look in looks] if confirm else []
        tracker.confirm(again + [crop_from_landmarks(look.landmarks) for look in found])
        crops = tracker.second_looks(self.stamp)
        self.asked += crops
        second = [self.second(c) for c in crops]
        return [t.id for t in tracker.update([*looks, *found, *second], self.stamp)]


def stuck(crop):
    """What a network says that sees a face in the middle of whatever it is shown."""
    return face(crop.cx, crop.cy, crop.side / 2.8)


def real(x):
    """What it says of a real face that is at x."""
    return lambda crop: face(x)


@pytest.mark.parametrize("second", [stuck, lambda crop: face(100, presence=0.3)])
def test_a_track_that_is_stuck_on_background_dies_soon_after_its_time(second):
    story = Doubter(second, recheck_ns=1000 * MS)
    story.step(found=[face(100)])
    lost = [n for n in range(1, 60) if story.step(*[face(100)] * len(story.ids))]
    assert lost == [32]  # 31 * 33 ms and one frame more
    assert len(story.asked) == 2


def test_a_profile_that_no_detector_finds_lives_on_by_second_looks():
    story = Doubter(real(100), recheck_ns=1000 * MS)
    story.step(found=[face(100)])
    for _ in range(300):
        assert story.step(face(100)) == []
    assert len(story.asked) == 9  # one a second


def test_one_bad_second_look_is_forgiven():
    answers = iter([stuck, real(100), stuck, real(100)])
    story = Doubter(lambda crop: next(answers)(crop), recheck_ns=1000 * MS)
    story.step(found=[face(100)])
    for _ in range(70):
        assert story.step(face(100)) == []
    assert len(story.asked) == 4


def test_a_second_look_is_moved_to_another_side_when_it_is_repeated():
    story = Doubter(stuck, recheck_ns=1000 * MS)
    story.step(found=[face(100)])
    for _ in range(40):
        story.step(*[face(100)] * len(story.ids))
    first, again = story.asked
    side = crop_at(100).side
    assert first.side == again.side == pytest.approx(1.25 * side)
    assert (first.cx - 100) * (again.cx - 100) < 0
    assert abs(first.cx - 100) == pytest.approx(0.12 * side)


def test_what_the_detector_confirms_needs_no_second_look():
    story = Doubter(stuck, recheck_ns=1000 * MS)
    story.step(found=[face(100)])
    for n in range(100):
        assert story.step(face(100), confirm=n % 20 == 0) == []
    assert story.asked == []


def test_there_is_at_most_one_second_look_in_a_frame_and_each_face_gets_its_turn():
    story = Doubter(lambda crop: face(round((crop.cx - 40) / 80) * 80 + 40), recheck_ns=500 * MS)
    places = [40, 120, 200, 280]
    story.step(found=[face(x) for x in places])
    asked = []
    for _ in range(60):
        before = len(story.asked)
        assert story.step(*[face(x) for x in places]) == []
        asked.append(len(story.asked) - before)
    assert max(asked) == 1
    assert sum(asked) == 12
    assert all(t.doubts == 0 for t in story.tracker.held)


def test_without_recheck_there_are_no_second_looks():
    story = Doubter(stuck, recheck_ns=0)
    story.step(found=[face(100)])
    for _ in range(100):
        assert story.step(face(100)) == []
    assert story.asked == []
