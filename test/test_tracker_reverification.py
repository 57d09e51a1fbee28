# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tracker's verification of tracks that the detector does not confirm."""

import pytest

from atpn_ros.crop import crop_from_landmarks
from fakes import MS
from tracker_runs import STEP, TrackerRun, crop_at, face


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
