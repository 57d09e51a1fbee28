# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pipeline with engines that fail, answer nonsense or report faces where none are."""

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros.engines import BackendError
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.types import FaceState
from fakes import FACE, DiscDetector, DiscEngine, frame
from pipelines import CAMERA, DISC, RAW, all_numbers, discs, states


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
