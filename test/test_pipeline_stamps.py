# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""When the pipeline detects and resets, with discs as faces and odd image stamps."""

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros.pipeline.pipeline import PipelineSettings
from atpn_ros.types import FaceState, Frame
from fakes import MS, frame, scene
from pipelines import CAMERA, DISC, RAW, all_numbers, discs, states


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
