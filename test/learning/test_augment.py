# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Crops and their truths stay together, however a picture is turned, mirrored or spoilt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_face import drawn

from atpn_ros import geometry
from atpn_ros.learning.data.augment import face_crop, negative_crop


@pytest.mark.parametrize("seed", range(12))
def test_a_crops_truth_is_where_the_picture_is(seed: int) -> None:
    """The bright dots of the drawn face must lie under the truth, mirrored or not."""
    sample = replace(drawn(), detection=None)
    rng = np.random.default_rng(seed)
    example = face_crop(sample, rng)
    grey = example.crop.mean(axis=2)
    inside = [p for p in example.landmarks * 128 - 0.5 if ((p > 3) & (p < 124)).all()]
    hits = [grey[round(float(y)), round(float(x))] for x, y in inside]
    assert np.median(hits) > np.median(grey) + 5


def test_mirroring_keeps_right_and_left_and_turns_the_pose() -> None:
    sample = drawn(0.0, 0.0, 0.4)
    signs = set()
    for seed in range(30):
        example = face_crop(sample, np.random.default_rng(seed))
        if example.pose_weight == 0:
            continue
        up = example.landmarks[60:76].mean(0) - example.landmarks[76:88].mean(0)
        right, left = example.landmarks[60], example.landmarks[72]
        across = np.array([-up[1], up[0]])  # to the image's right of an upright face
        assert (left - right) @ across > 0
        assert np.allclose(example.rotation @ example.rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(example.rotation) > 0
        yaw = geometry.roll_pitch_yaw(example.rotation)[2]
        nose = example.landmarks[54] - (right + left) / 2
        # The nose's tip stands out towards where the face is turned.
        assert np.sign(nose @ across) == np.sign(yaw)
        signs.add(float(np.sign(yaw)))
    assert signs == {-1.0, 1.0}


@pytest.mark.parametrize("seed", range(8))
def test_gaze_turns_and_mirrors_with_the_picture(seed: int) -> None:
    """Eyes that look along the face's x axis still do in every crop, right and left in place."""
    plain = drawn(0.1, 0.2, 0.5)
    along = plain.rotation[:, 0]
    aside = plain.rotation @ (0.8, 0.6, 0.0)  # the left eye looks to the person's left
    sample = replace(plain, gaze=np.stack([along, aside]), eyes_seen=(1.0, 0.0))
    example = face_crop(sample, np.random.default_rng(seed))
    straight, left = example.rotation @ (1.0, 0.0, 0.0), example.rotation @ (0.8, 0.6, 0.0)
    right_of_mirrored = example.rotation @ (0.8, -0.6, 0.0)
    if example.gaze_weight[0] >= example.gaze_weight[1]:
        assert np.allclose(example.gaze, [straight, left])
    else:  # mirrored: the person's left eye became the right one and looks to the right
        assert np.allclose(example.gaze, [right_of_mirrored, straight])


def test_an_empty_crop_says_so() -> None:
    example = negative_crop(drawn(), [], np.random.default_rng(0))
    assert (example.presence, example.presence_weight) == (0.0, 1.0)
    assert example.landmark_weight.sum() == 0
    assert example.pose_weight == 0


def test_empty_crops_are_blank_at_times_and_in_the_dark() -> None:
    """A covered lens, a wall and the night are taught as such."""
    crops = [negative_crop(drawn(), [], np.random.default_rng(s)).crop for s in range(200)]
    black = sum(crop.max() < 64 for crop in crops)
    assert 2 <= black <= 30, "four in a hundred are meant to be"
    flat = sum(crop.max() >= 64 and crop.std(axis=(0, 1)).max() < 25 for crop in crops)
    assert flat >= 5


def test_a_face_in_the_dark_teaches_that_none_is_seen() -> None:
    night = replace(drawn(), picture=np.full((300, 300, 3), 2, np.uint8), detection=None)
    example = face_crop(night, np.random.default_rng(2), 0.0)
    assert (example.presence, example.presence_weight, example.pose_weight) == (0.0, 1.0, 0.0)
    assert example.landmark_weight.sum() == 0
    day = face_crop(replace(drawn(), detection=None), np.random.default_rng(2), 0.0)
    assert (day.presence, day.pose_weight) == (1.0, 1.0), "the same crop with light"
