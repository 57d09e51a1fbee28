# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The tracker with faces close together: every track keeps its own face."""

from tracker_runs import STEP, TrackerRun, crop_at, face, gone


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
