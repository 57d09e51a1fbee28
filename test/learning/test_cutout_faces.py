# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the training faces that are made of people cut out of photographs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from atpn_ros import geometry
from atpn_ros.crop import crop_from_landmarks
from atpn_ros.engines.base import NetworkOutput
from atpn_ros.learning.data.augment import replace_background
from atpn_ros.learning.data.backgrounds import random_background
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.cutout_faces import load_cutout_faces, read_rotation
from atpn_ros.learning.data.cutouts import Cutout, save_cutouts
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.pipeline.head_model import MEAN_HEAD


def turned(yaw):
    """(3, 3) rotation of an upright head, degrees; positive to the picture's right."""
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) @ geometry.FACING


def yaw_of(rotation):
    return np.degrees(np.arctan2(rotation[0, 0], -rotation[2, 0]))


class Reader:
    """An engine whose answers are the same head in every crop of a picture or of its mirror."""

    def __init__(self, yaw):
        self.yaw, self.calls = yaw, 0

    def run(self, crops):
        if len(crops) == 1:  # the convention's offsets: there are none
            points = cutout("a/b").landmarks
            answer = crop_from_landmarks(points).to_crop(points)
            return NetworkOutput(answer[None], np.eye(3)[None], np.ones(1))
        mirror = np.outer((-1, 1, 1), (1, -1, 1)) if self.calls % 2 else 1
        self.calls += 1
        turns = (0.0, 0.12, -0.12) if self.calls % 2 else (0.0, -0.12, 0.12)
        rotations = np.stack([geometry.about_z(-t) @ (turned(self.yaw) * mirror) for t in turns])
        n = len(crops)
        return NetworkOutput(np.zeros((n, 98, 2)), rotations, np.ones(n))


def cutout(name, held_out=False):
    pixels = np.full((160, 150, 4), 90, np.uint8)
    pixels[..., 3] = 0
    pixels[40:120, 40:110, 3] = 255
    points = MEAN_HEAD @ turned(0).T
    points = points[:, :2] / np.ptp(points[:, :2], axis=0).max() * 70 + (75, 80)
    return Cutout(Sprite(pixels, points[:60].astype(np.float32)), points, name, held_out)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pointing04").mkdir()
    rows = [{"file": "a.jpg", "pan": 60, "tilt": 15}, {"file": "b.jpg", "pan": 30, "tilt": -90}]
    (tmp_path / "pointing04" / "labels.json").write_text(json.dumps(rows))
    names = ("faces_london/001_03.jpg", "images/0001.jpg", "neutral_right_3quarter/001_04.jpg",
             "pointing04/a.jpg", "pointing04/b.jpg")  # fmt: skip
    people = [cutout(name) for name in names] + [cutout("images/0900.jpg", True)]
    save_cutouts(tmp_path / "cutouts.npz", people)
    return tmp_path


def test_each_set_trains_what_is_known_of_it(folder):
    faces, offsets = load_cutout_faces(folder / "cutouts.npz", folder, Reader(-20.0))
    london, portrait, view, asked, steep = faces
    assert np.allclose(offsets, 0, atol=1e-6)
    assert london.weights is None
    assert london.gaze is not None
    assert london.rotation is None
    for own in (portrait, view, asked, steep):
        assert own.weights is not None
        assert own.weights.tolist() == [0.5] * 98
    assert portrait.rotation is None
    assert portrait.gaze is None
    assert steep.rotation is None
    # A three-quarter view looks 45 degrees to the right: half of the way from -20.
    assert yaw_of(view.rotation) == pytest.approx(12.5, abs=0.01)
    assert np.allclose(view.gaze, [(2**-0.5, 0, -(2**-0.5))] * 2)
    # Pan is positive to the picture's left.
    assert yaw_of(asked.rotation) == pytest.approx(-40.0, abs=0.01)
    assert asked.opacity is not None
    assert asked.opacity.shape == asked.image.shape[:2]


def test_a_rotation_is_the_mean_over_turned_and_mirrored_crops():
    face = LabelledFace(cutout("a/b").sprite.image[..., :3], cutout("a/b").landmarks, WFLW98)
    found = read_rotation(Reader(25.0), face)
    assert np.allclose(found, turned(25.0), atol=1e-9)


def test_missing_labels_of_pointing_are_named(folder):
    (folder / "pointing04" / "labels.json").unlink()
    with pytest.raises(DataError, match=r"labels\.json: expected records"):
        load_cutout_faces(folder / "cutouts.npz", folder, Reader(0.0))


def test_a_person_stays_and_the_background_changes():
    made = cutout("a/b")
    face = LabelledFace(
        made.sprite.image[..., :3], made.landmarks, WFLW98, opacity=made.sprite.image[..., 3]
    )
    rng = np.random.default_rng(0)
    other = replace_background(face, [np.full((64, 300, 3), 200, np.uint8)], rng)
    assert (other.image[40:120, 40:110] == 90).all()
    assert (other.image[:40] == 200).all()
    assert other.opacity is None
    assert replace_background(replace(face, opacity=None), [], rng).image is face.image


def test_a_background_has_the_size_that_is_asked_for():
    picture = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    for seed in range(20):
        made = random_background([picture], 33, 21, np.random.default_rng(seed))
        assert made.shape == (33, 21, 3)
