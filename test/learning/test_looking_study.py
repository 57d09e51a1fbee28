# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The study of looking: counts by the true angle, and changes of the decision in a clip."""

import math

import numpy as np
import pytest

from atpn_ros.geometry import about_y
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.studies.looking import PhotographRow, measure_clip, measure_photographs
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from fakes import DiscDetector, DiscEngine, frame, scene

DISC = (160, 120, 30)


def new_pipeline():
    return FacePipeline(DiscEngine(), DiscDetector(), PipelineSettings())


def labelled(degrees, *discs):
    angle = math.radians(degrees)
    gaze = np.tile((math.sin(angle), 0.0, -math.cos(angle)), (2, 1))
    return LabelledFace(scene(*discs), None, gaze=gaze)


def test_photographs_are_counted_by_the_true_angle():
    faces = [labelled(0, DISC), labelled(0), labelled(12, DISC), LabelledFace(scene(), None)]
    assert measure_photographs(faces, new_pipeline) == [
        PhotographRow(0, 1, faces=2, missed=1, looking=1),
        PhotographRow(10, 15, faces=1, missed=0, looking=1),  # discs always look ahead
    ]


def test_a_clip_counts_the_changes_of_the_decision_and_of_a_plain_threshold():
    pipeline = new_pipeline()
    calls = iter(range(1000))

    def turned(output):
        """The head turns far away for three frames of every fifteen."""
        away = next(calls) % 15 >= 12
        output.rotation[:] = about_y(1.0 if away else 0.0) @ output.rotation
        return output

    pipeline.engine.change = turned
    pipeline.settings = PipelineSettings()
    row = measure_clip("clip", (frame(n, DISC) for n in range(61)), pipeline)
    assert (row.name, row.faces) == ("clip", 61)
    assert row.looking == 1.0
    assert row.changes == 0
    assert row.threshold_changes > 60
    nobody = measure_clip("empty", (frame(n) for n in range(3)), new_pipeline())
    assert nobody.faces == 0
    assert math.isnan(nobody.looking)
    assert nobody.changes == 0 == pytest.approx(nobody.threshold_changes)
