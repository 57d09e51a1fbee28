# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the correction of landmarks to where people place them by hand."""

from __future__ import annotations

import numpy as np
import pytest

from atpn_ros import geometry
from atpn_ros.crop import crop_from_landmarks
from atpn_ros.engines.base import NetworkOutput
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.landmark_convention import EYE_DISTANCE, corrected, measure_offsets
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.pipeline.head_model import MEAN_HEAD

SCALE = 1000.0
"""Pixels per metre."""
PICTURE = np.zeros((400, 400, 3), np.uint8)


def face(rotation):
    points = (MEAN_HEAD @ rotation.T)[:, :2] * SCALE + (200, 180)
    return LabelledFace(PICTURE, points, WFLW98)


class Answers:
    """An engine that answers with fixed points of the picture, seen through the crop of others."""

    def __init__(self, points, truth):
        self.points, self.crops = points, [crop_from_landmarks(truth)]

    def run(self, _):
        crop = self.crops[-1]
        self.crops.append(crop_from_landmarks(self.points))
        return NetworkOutput(crop.to_crop(self.points)[None], np.eye(3)[None], np.ones(1))


def test_what_a_network_errs_by_is_what_corrects_it():
    true = face(geometry.FACING)
    wrong = true.landmarks.copy()
    eye = EYE_DISTANCE * SCALE
    wrong[16] += (0, 0.09 * eye)  # the chin too low
    wrong[76] += (-0.04 * eye, 0)  # the corners of the lips too far out
    wrong[82] += (0.04 * eye, 0)
    wrong[54] += (0, 0.5 * eye)  # the nose does not count
    offsets = measure_offsets(Answers(wrong, true.landmarks), [true])
    assert offsets[16] == pytest.approx((0, 0.09), abs=1e-6)
    assert offsets[76] == pytest.approx((0.04, 0), abs=1e-6)
    assert offsets[82] == pytest.approx((-0.04, 0), abs=1e-6)
    assert np.count_nonzero(np.abs(offsets) > 1e-6) == 3
    moved = corrected(LabelledFace(PICTURE, wrong, WFLW98), offsets, geometry.FACING).landmarks
    wrong[54] = true.landmarks[54]
    moved[54] = true.landmarks[54]
    assert np.abs(moved - true.landmarks).max() < 0.02 * eye


@pytest.mark.parametrize("yaw", [-1.2, 0.0, 0.7])
def test_the_offset_turns_with_the_head(yaw):
    c, s = np.cos(yaw), np.sin(yaw)
    rotation = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) @ geometry.FACING
    offsets = np.zeros((98, 2))
    offsets[[16, 76]] = (0.1, 0.2)
    before = face(rotation)
    moves = corrected(before, offsets, rotation).landmarks - before.landmarks
    eye = EYE_DISTANCE * SCALE
    assert moves[76] == pytest.approx((0.1 * c * eye, -0.2 * eye), abs=1e-6)
    # The contour is moved less the further the head is turned.
    assert moves[16] == pytest.approx((0.1 * c * c * eye, -0.2 * c * eye), abs=1e-6)
    assert not moves[60:76].any()
