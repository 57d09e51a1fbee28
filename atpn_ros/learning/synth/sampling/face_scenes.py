# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random scenes of one face in a square image, framed like a face crop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets.library import Assets, Share
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.sampling import image_effects, people
from atpn_ros.learning.synth.sampling.lighting import sample_backdrop, sample_light
from atpn_ros.learning.synth.scene import labels
from atpn_ros.learning.synth.scene.body import Body
from atpn_ros.learning.synth.scene.description import (
    Effects,
    Person,
    Scene,
    SceneCamera,
)
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """Distribution of the generated samples.

    Attributes:
        size: Side of the square picture in pixels.
        share: The face's longer side over the picture's, least and most.
        shift: How far the face's middle may lie off the picture's, as a share of the side.
        effects: Factor on the frequency of lens and sensor effects; 0 disables them.
        worn: Factor on the frequency of accessories other than hair and clothes.
        not_faces: Share of negatives: pictures without a face or with a badly placed one.
        hard_pose: Share of faces with any yaw, pitch and roll up to 90, 60 and 60 degrees.
        part: Which skins and panoramas.
        aged_head: File of a head of all ages, as ``atpn export-anny`` writes it.
        aged_share: Share of people who have that head.
    """

    size: int = 160
    share: tuple[float, float] = (0.5, 0.64)
    shift: float = 0.06
    effects: float = 1.0
    worn: float = 1.0
    not_faces: float = 0.0
    hard_pose: float = 0.25
    part: Share = "all"
    aged_head: Path | None = None
    aged_share: float = 0.0


def face_scene(
    assets: Assets, palette: Palette, rng: np.random.Generator, plan: SamplePlan
) -> tuple[Scene, Body]:
    """A scene and the prepared body of its one person."""
    ray, distance = _where(rng)
    roll, pitch, yaw = _pose(rng, plan.hard_pose)
    rotation = geometry.rotation_to_ray(ray) @ geometry.head_rotation(roll, pitch, yaw)
    position = ray / np.linalg.norm(ray) * distance
    person = people.sample_person(assets, palette, rng, rotation, position, plan.worn)
    body = build_body(assets, person)
    camera = _camera(rng, plan, body, person)
    flat = camera.project(labels.landmarks3d(body, person, camera))
    face = float(np.ptp(flat, axis=0).max())
    lit = sample_light(assets, rng)
    backdrop = sample_backdrop(rng)
    made = image_effects.sample_effects(rng, face, plan.effects) if plan.effects > 0 else Effects()
    soft = float(rng.uniform(0, 0.03) * plan.size) if rng.random() < 0.6 else 0.0
    made = replace(made, background_blur=soft)
    return Scene(camera, (person,), lit, backdrop, made), body


def _where(rng: np.random.Generator) -> tuple[Floats, float]:
    """A ray through a full picture and a distance along it."""
    half = np.radians(np.clip(rng.lognormal(np.log(62), 0.28), 30, 110)) / 2
    x, y = rng.uniform(-0.85, 0.85, 2) * np.tan(half) * (1.0, 0.7)
    return np.array([x, y, 1.0]), float(np.exp(rng.uniform(np.log(0.3), np.log(4.0))))


def _pose(rng: np.random.Generator, hard: float) -> tuple[float, float, float]:
    """Roll, pitch, yaw against the ray, weighted to what robots see."""
    if rng.random() < hard:
        degrees = rng.uniform((-60, -60, -90), (60, 60, 90))
        # No neck reaches all three limits at once.
        if rng.random() < 0.7:
            degrees *= (rng.random(), rng.random(), 1.0)
    else:
        degrees = rng.normal(0, (11, 13, 1)) * (1, 1, 0)
        degrees[2] = rng.normal(0, 18) if rng.random() < 0.5 else rng.uniform(-60, 60)
        degrees = np.clip(degrees, (-60, -60, -90), (60, 60, 90))
    roll, pitch, yaw = (float(a) for a in np.radians(degrees))
    return roll, pitch, yaw


def _camera(rng: np.random.Generator, plan: SamplePlan, body: Body, person: Person) -> SceneCamera:
    """The window of a full picture that holds the face, as a camera of its own."""
    unit = SceneCamera(1, 1, 1.0, 1.0, 0.0, 0.0)
    flat = unit.project(labels.landmarks3d(body, person, unit))
    low, high = flat.min(axis=0), flat.max(axis=0)
    focal = float(rng.uniform(*plan.share)) * plan.size / float((high - low).max())
    middle = (low + high) / 2 * focal
    shift = rng.uniform(-plan.shift, plan.shift, 2) * plan.size
    cx, cy = (plan.size - 1) / 2 + shift - middle
    return SceneCamera(plan.size, plan.size, focal, focal, float(cx), float(cy))
