# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A seed -> a scene with one face that fills a square picture as a crop does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.assets.library import Assets, Share
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.render import effects, light
from atpn_ros.learning.synth.scene import labels, people
from atpn_ros.learning.synth.scene.body import Body, prepare
from atpn_ros.learning.synth.scene.scene import (
    Backdrop,
    Camera,
    Colour,
    Effects,
    Lamp,
    Light,
    Person,
    Scene,
)
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class Plan:
    """What kind of faces are wanted.

    Attributes:
        size: Side of the square picture in pixels.
        share: The face's longer side over the picture's, least and most.
        shift: How far the face's middle may lie off the picture's, as a share of the side.
        effects: How often faults of lens and sensor come: 0 never, 1 as usual.
        worn: How often things are worn or held: 0 never, 1 as usual.
        not_faces: Share of pictures without a face, or with it badly off.
        hard_pose: Share of faces with any yaw, pitch and roll up to 90, 60 and 60 degrees.
        part: Whose skins and which panoramas.
    """

    size: int = 160
    share: tuple[float, float] = (0.5, 0.64)
    shift: float = 0.06
    effects: float = 1.0
    worn: float = 1.0
    not_faces: float = 0.0
    hard_pose: float = 0.25
    part: Share = "all"


def face_scene(
    assets: Assets, palette: Palette, rng: np.random.Generator, plan: Plan
) -> tuple[Scene, Body]:
    """A scene and the prepared body of its one person."""
    ray, distance = _where(rng)
    roll, pitch, yaw = _pose(rng, plan.hard_pose)
    rotation = geometry.rotation_to_ray(ray) @ geometry.head_rotation(roll, pitch, yaw)
    position = ray / np.linalg.norm(ray) * distance
    person = people.draw(assets, palette, rng, rotation, position, plan.worn)
    body = prepare(assets, person)
    camera = _camera(rng, plan, body, person)
    flat = camera.project(labels.landmarks3d(body, person, camera))
    face = float(np.ptp(flat, axis=0).max())
    lit = draw_light(assets, rng)
    backdrop = draw_backdrop(rng)
    made = effects.draw(rng, face, plan.effects) if plan.effects > 0 else Effects()
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
        # All three at their ends at once is no one's neck.
        if rng.random() < 0.7:
            degrees *= (rng.random(), rng.random(), 1.0)
    else:
        degrees = rng.normal(0, (11, 13, 1)) * (1, 1, 0)
        degrees[2] = rng.normal(0, 18) if rng.random() < 0.5 else rng.uniform(-60, 60)
        degrees = np.clip(degrees, (-60, -60, -90), (60, 60, 90))
    roll, pitch, yaw = (float(a) for a in np.radians(degrees))
    return roll, pitch, yaw


def _camera(rng: np.random.Generator, plan: Plan, body: Body, person: Person) -> Camera:
    """The window of a full picture that holds the face, as a camera of its own."""
    unit = Camera(1, 1, 1.0, 1.0, 0.0, 0.0)
    flat = unit.project(labels.landmarks3d(body, person, unit))
    low, high = flat.min(axis=0), flat.max(axis=0)
    focal = float(rng.uniform(*plan.share)) * plan.size / float((high - low).max())
    middle = (low + high) / 2 * focal
    shift = rng.uniform(-plan.shift, plan.shift, 2) * plan.size
    cx, cy = (plan.size - 1) / 2 + shift - middle
    return Camera(plan.size, plan.size, focal, focal, float(cx), float(cy))


def draw_light(assets: Assets, rng: np.random.Generator) -> Light:
    """A turned panorama, and in most scenes a lamp, often where its sun is.

    A camera sets its exposure and white balance by what it sees: the light on what faces the
    camera is brought near a level, and most of its colour is taken out.
    """
    i = int(rng.integers(len(assets.panoramas)))
    panorama = assets.panoramas[i]
    tilt = geometry.about_x(float(rng.normal(0, 0.15)))
    rotation = tilt @ geometry.about_y(float(rng.uniform(-np.pi, np.pi)))
    around = light.irradiance(light.radiance(panorama, rotation))
    facing = np.maximum(light.harmonics(_FACING) @ around, 0.02).mean(axis=0)
    lamp, ratio = None, float(np.exp(rng.uniform(np.log(0.4), np.log(5.0))))
    r = rng.random()
    if r < 0.3:
        colour = panorama.sun_colour / max(float(panorama.sun_colour.max()), 1e-6)
        lamp = Lamp(rotation.T @ panorama.sun, _colour(0.3 + 0.7 * colour))
    elif r < 0.7:
        turn, height = rng.uniform(-2.0, 2.0), rng.uniform(-0.35, 1.2)
        direction = np.array([np.sin(turn) * np.cos(height), -np.sin(height),
                              -np.cos(turn) * np.cos(height)])  # fmt: skip
        warm = float(rng.normal(0, 0.15))
        lamp = Lamp(direction, _colour(np.exp([warm, 0.0, -warm])))
    total, power = facing.copy(), 0.0
    if lamp is not None:
        # The lamp's share, told by what a surface facing it receives.
        power = ratio * float(facing.mean())
        total += power * np.asarray(lamp.colour) * np.maximum(_FACING @ lamp.direction, 0.15).mean()
    level = float(np.exp(rng.normal(np.log(0.85), 0.25)))
    balance = (total.mean() / total) ** float(rng.uniform(0.4, 1.0))
    gain = balance * level / float((total * balance).mean())
    # Light from behind: a camera keeps the rims from burning out altogether.
    brightest = float((light.harmonics(_AROUND) @ around * gain).mean(axis=1).max())
    gain = gain * min(1.0, 2.5 / max(brightest, 1e-6))
    if lamp is not None:
        lamp = Lamp(lamp.direction, _colour(power * np.asarray(lamp.colour) * gain))
    return Light(i, rotation, _colour(gain), lamp)


_AROUND = np.concatenate([np.eye(3), -np.eye(3)])

_FACING = np.array([[0.0, 0.0, -1.0], [0.6, 0.0, -0.8], [-0.6, 0.0, -0.8], [0.0, -0.6, -0.8]])
"""Normals of what a camera sees of a face, camera frame."""


def draw_backdrop(rng: np.random.Generator) -> Backdrop:
    """Half the scenes stand in their panorama, the others before something made by code."""
    kind = str(rng.choice(("panorama", "noise", "shapes", "plain"), p=(0.5, 0.2, 0.2, 0.1)))
    first, second = rng.random((2, 1)) ** 2 * np.exp(rng.normal(0, 0.35, (2, 3)))
    return Backdrop(kind, int(rng.integers(2**31)), (_colour(first), _colour(second)))


def _colour(values: Floats) -> Colour:
    return float(values[0]), float(values[1]), float(values[2])
