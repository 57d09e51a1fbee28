# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""New faces with nearly enough presence get a second crop, by their landmarks."""

from dataclasses import replace

import numpy as np
import pytest

from atpn_ros.engines import NetworkOutput
from atpn_ros.odds import log_odds, probability
from atpn_ros.pipeline.observations import observed_again
from atpn_ros.pipeline.track import Observation
from atpn_ros.types import FaceState
from fakes import FACE, MS, frame, scene
from pipelines import DISC, discs, states
from tracker_runs import TrackerRun, face


class Presences:
    """Presence of a pipeline's first crops, one number for each call of its engine."""

    def __init__(self, pipeline, *values):
        self.values = list(values)
        pipeline.engine.change = self.change

    def change(self, output):
        value = self.values.pop(0) if self.values else 0.9
        return replace(output, presence=np.full(len(output.presence), value))


@pytest.mark.parametrize(
    ("first", "second", "starts"),
    [(0.6, 0.9, True), (0.6, 0.65, False), (0.3, 0.99, True), (0.6, 0.0, False)],
)
def test_the_mean_log_odds_of_two_crops_decide(first, second, starts):
    pipeline = discs()
    Presences(pipeline, first, second)
    result = pipeline.process(frame(0, DISC))
    assert pipeline.engine.batches == [1, 1]
    assert states(result) == ({1: FaceState.DETECTED} if starts else {})
    if starts:
        expected = probability((log_odds(first) + log_odds(second)) / 2)
        assert result.faces[0].presence == pytest.approx(expected)


@pytest.mark.parametrize("presence", [0.71, 1.0, 0.04, 0.0, float("nan")])
def test_a_certain_face_and_none_at_all_get_one_crop(presence):
    pipeline = discs()
    Presences(pipeline, presence)
    pipeline.process(frame(0, DISC))
    assert pipeline.engine.batches == [1]


def test_a_tracked_face_gets_one_crop():
    pipeline = discs()
    pipeline.process(frame(0, DISC))
    Presences(pipeline, 0.55, 0.2)
    assert states(pipeline.process(frame(1, DISC))) == {1: FaceState.TRACKED}
    assert states(pipeline.process(frame(2, DISC))) == {1: FaceState.LOST}
    assert pipeline.engine.batches == [1, 1, 1]


def test_the_second_crop_holds_the_landmarks_of_the_first():
    pipeline = discs()
    detect = pipeline.detector.detect
    pipeline.detector.detect = lambda image: [
        replace(d, box=replace(d.box, width=3 * d.box.width)) for d in detect(image)
    ]
    heights = []

    def change(output):
        heights.append(float(np.ptp(output.landmarks[0, :, 1])))
        return replace(output, presence=np.array([0.4 if len(heights) == 1 else 0.9]))

    pipeline.engine.change = change
    assert states(pipeline.process(frame(0, DISC))) == {1: FaceState.DETECTED}
    first, second = heights
    assert second > 1.3 * first


def test_the_nearest_few_are_uncertain():
    run = TrackerRun()
    run.step(found=[face(500)])
    presences = [0.1, 0.6, 0.9, 0.5, 0.3, 0.2, 0.01]
    new = [face(80 * i, presence=p) for i, p in enumerate(presences)]
    assert run.tracker.uncertain([face(500), *new]) == [2, 4, 5, 6]


def test_a_check_of_a_tracked_face_is_no_new_face():
    run = TrackerRun(recheck_ns=1000 * MS)
    run.step(found=[face(500)])
    run.tracker.predict(run.stamp + 2000 * MS)
    assert run.tracker.reverification_crops(run.stamp + 2000 * MS)
    assert run.tracker.uncertain([face(500), face(500, presence=0.6)]) == []


def test_evidence_of_the_detection_counts():
    run = TrackerRun()
    lacking = Observation(FACE * 20, 0.02)
    assert run.tracker.uncertain([lacking]) == []
    assert run.tracker.uncertain([replace(lacking, evidence=1.0)]) == [0]
    assert run.tracker.uncertain([replace(lacking, presence=0.65, evidence=1.0)]) == []


def test_the_detector_runs_early_for_an_uncertain_face_but_not_forever():
    pipeline = discs()
    pipeline.process(frame(0, DISC))
    runs = []
    uncertain = (260, 80, 22)

    def change(output):
        # The face that is tracked comes first.
        presence = np.where(np.arange(len(output.presence)) == 0, 0.9, 0.5)
        if len(output.presence) == 1 and pipeline.engine.batches[-2:] == [2, 1]:
            presence = np.array([0.5])  # the second crop
        return replace(output, presence=presence)

    pipeline.engine.change = change
    for n in range(1, 480):
        if pipeline.process(frame(n, DISC, uncertain)).detector_ran:
            runs.append(n * 33)
    assert all(
        state is FaceState.TRACKED for state in states(pipeline.process(frame(480, DISC))).values()
    )
    steps = np.diff(runs)
    assert (steps[:10] < 300).all()
    assert (steps[10:19] > 900).all()


class RedShare:
    """An engine whose presence is the share of red pixels of a crop."""

    name = report = "red"

    def run(self, crops):
        share = (crops[..., 2].astype(int) - crops[..., 1] > 100).mean((1, 2))
        landmarks = np.full((len(crops), 98, 2), 0.5)
        return NetworkOutput(landmarks, np.stack([np.eye(3)] * len(crops)), share)

    def close(self):
        pass


@pytest.mark.parametrize("reduction", [1, 2, 4])
def test_the_second_crop_is_that_of_the_reduced_image(reduction):
    # Landmarks are in the coordinates of the full image.
    picture = scene((480, 400, 60), size=(480, 640))[::reduction, ::reduction]
    seen = Observation(FACE * 60 + (480, 400), 0.5)
    (again,) = observed_again([seen], [0], np.ascontiguousarray(picture), reduction, RedShare())
    share = probability(2 * log_odds(again.presence))
    assert share == pytest.approx(0.4, abs=0.1)
