# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""JSON lines of faces: ``looking`` and the angle to the target, known and unknown."""

import json
import math
from dataclasses import replace

import numpy as np

from atpn_ros.drawing.json_lines import json_line
from atpn_ros.types import Box, Face, FaceFrame, FaceState, Gaze, GazeSource

GAZE = Gaze(
    np.array([0.0, 0.0, -1.0]), GazeSource.EYES, 0.9, 0.1, angle_to_target=0.25, looking=True
)
FACE = Face(1, FaceState.TRACKED, Box(10, 10, 5, 5), 0.9, 0, 0, gaze=GAZE)


def written(face):
    line = json_line("clip.mp4", 3, FaceFrame(0, "", 20, 20, (face,)))
    assert "\n" not in line
    (out,) = json.loads(line, parse_constant=lambda word: math.inf)["faces"]
    return out["angle_to_target"], out["looking"]


def test_looking_and_the_angle_to_the_target_are_written():
    assert written(FACE) == (0.25, True)
    assert written(replace(FACE, gaze=replace(GAZE, looking=False))) == (0.25, False)


def test_unknown_values_are_null():
    assert written(replace(FACE, gaze=replace(GAZE, angle_to_target=None, looking=False))) == (
        None,
        None,
    )
    assert written(replace(FACE, gaze=None)) == (None, None)
