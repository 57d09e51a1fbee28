# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random negative scenes: no face, a badly placed face, a head seen from behind, or a statue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.sampling import image_effects
from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan, face_scene
from atpn_ros.learning.synth.sampling.lighting import sample_backdrop, sample_light
from atpn_ros.learning.synth.sampling.statues import statue_of
from atpn_ros.learning.synth.scene.body import Body
from atpn_ros.learning.synth.scene.description import Scene, SceneCamera


def negative_scene(
    assets: Assets, palette: Palette, rng: np.random.Generator, plan: SamplePlan
) -> tuple[Scene, Body | None]:
    """A random scene.

    35 % have no person, 35 % a badly placed face, 15 % a statue, 15 % a person seen from behind.
    """
    r = rng.random()
    if r < 0.35:
        return _nobody(assets, rng, plan), None
    scene, body = face_scene(assets, palette, rng, plan)
    if r < 0.7:
        return _off(rng, scene), body
    person = scene.people[0]
    if r < 0.85:
        person = statue_of(person, rng)
        return replace(scene, people=(person,)), build_body(assets, person)
    away = person.rotation @ geometry.about_z(np.pi + float(rng.uniform(-0.9, 0.9)))
    person = replace(person, rotation=away)
    body = build_body(assets, person)
    return replace(scene, people=(person,)), body


def _nobody(assets: Assets, rng: np.random.Generator, plan: SamplePlan) -> Scene:
    focal = plan.size * float(np.exp(rng.uniform(np.log(0.6), np.log(5.0))))
    middle = (plan.size - 1) / 2
    camera = SceneCamera(plan.size, plan.size, focal, focal, middle, middle)
    made = image_effects.sample_effects(rng, plan.size * 0.5, plan.effects)
    light, backdrop = sample_light(assets, rng), sample_backdrop(rng)
    return Scene(camera, (), light, backdrop, made)


def _off(rng: np.random.Generator, scene: Scene) -> Scene:
    """The window moved off the face, or far too wide, or far too narrow."""
    camera = scene.camera
    size, middle = camera.width, (camera.width - 1) / 2
    kind = int(rng.integers(3))
    if kind == 0:
        turn, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1.1) * size
        dx, dy = np.cos(turn) * away, np.sin(turn) * away
        moved = replace(camera, cx=camera.cx + float(dx), cy=camera.cy + float(dy))
        return replace(scene, camera=moved)
    zoom = float(rng.uniform(0.12, 0.5) if kind == 1 else rng.uniform(1.8, 4.0))
    dx, dy = rng.uniform(-0.3, 0.3, 2) * size * max(1.0, zoom / 2)
    moved = replace(
        camera, fx=camera.fx * zoom, fy=camera.fy * zoom,
        cx=(camera.cx - middle) * zoom + middle + float(dx),
        cy=(camera.cy - middle) * zoom + middle + float(dy),
    )  # fmt: skip
    return replace(scene, camera=moved)
