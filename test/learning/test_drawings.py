# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Drawings and statues train that no face is present."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_face import drawn

from atpn_ros.learning.data import augment, drawings
from atpn_ros.learning.data.augment import negative_crop
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.synth.assets import builtin
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.sampling import people
from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan
from atpn_ros.learning.synth.sampling.negatives import negative_scene
from atpn_ros.learning.synth.sampling.statues import statue_of


@pytest.mark.parametrize("kind", ["_lines", "_cartoon", "_stencil", "_relief"])
def test_a_drawing_is_another_picture_of_the_same_size(kind: str) -> None:
    picture = drawn().image[:128, :128]
    for seed in range(5):
        made = getattr(drawings, kind)(picture, np.random.default_rng(seed))
        assert made.shape == picture.shape
        assert made.dtype == np.uint8
        assert np.abs(made.astype(int) - picture).mean() > 3
        assert made.std() > 2, "something is drawn"


def test_some_negatives_of_a_large_face_are_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    white = np.full((128, 128, 3), 255, np.uint8)
    monkeypatch.setattr(augment, "draw", lambda picture, rng: white)

    def drawn_of(face: LabelledFace) -> int:
        crops = [negative_crop(face, [], np.random.default_rng(s)) for s in range(200)]
        assert all(c.presence == 0 and c.presence_weight == 1 for c in crops)
        return sum(bool((c.crop == 255).all()) for c in crops)

    assert 25 <= drawn_of(drawn()) <= 65
    far = replace(drawn(), points=drawn().landmarks * 0.1)
    assert drawn_of(far) == 0, "a far face and its drawing look alike"


def test_a_statue_has_one_colour_and_is_no_face() -> None:
    assets = builtin.load()
    palette, rng = Palette(assets.skins.base), np.random.default_rng(3)
    person = people.sample_person(
        assets, palette, rng, np.eye(3), np.array([0.0, 0.0, 1.0]), worn=1.0
    )
    statue = statue_of(person, rng)
    assert not person.statue
    assert statue.statue
    colours = {statue.skin.base, statue.skin.hair_colour, *(a.colour for a in statue.accessories)}
    assert len(colours) == 1
    assert statue.skin.contrast == 0
    scenes = [
        negative_scene(assets, palette, np.random.default_rng(s), SamplePlan())[0]
        for s in range(60)
    ]
    statues = sum(any(p.statue for p in scene.people) for scene in scenes)
    assert 2 <= statues <= 20
