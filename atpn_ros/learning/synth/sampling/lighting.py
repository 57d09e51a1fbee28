# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random lighting and backgrounds: a rotated panorama, an optional lamp, a backdrop."""

from __future__ import annotations

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.assets import panoramas
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.scene.description import Backdrop, Lamp, Light, to_colour


def sample_light(assets: Assets, rng: np.random.Generator) -> Light:
    """A turned panorama, and in most scenes a lamp, often where its sun is.

    A camera sets its exposure and white balance by what it sees: the light on what faces the
    camera is brought near a level, and most of its colour is taken out.
    """
    i = int(rng.integers(len(assets.panoramas)))
    panorama = assets.panoramas[i]
    tilt = geometry.about_x(float(rng.normal(0, 0.15)))
    rotation = tilt @ geometry.about_y(float(rng.uniform(-np.pi, np.pi)))
    around = panoramas.irradiance(panoramas.radiance(panorama, rotation))
    facing = np.maximum(panoramas.harmonics(_FACING) @ around, 0.02).mean(axis=0)
    lamp, ratio = None, float(np.exp(rng.uniform(np.log(0.4), np.log(5.0))))
    r = rng.random()
    if r < 0.3:
        colour = panorama.sun_colour / max(float(panorama.sun_colour.max()), 1e-6)
        lamp = Lamp(rotation.T @ panorama.sun, to_colour(0.3 + 0.7 * colour))
    elif r < 0.7:
        turn, height = rng.uniform(-2.0, 2.0), rng.uniform(-0.35, 1.2)
        direction = np.array([np.sin(turn) * np.cos(height), -np.sin(height),
                              -np.cos(turn) * np.cos(height)])  # fmt: skip
        warm = float(rng.normal(0, 0.15))
        lamp = Lamp(direction, to_colour(np.exp([warm, 0.0, -warm])))
    total, power = facing.copy(), 0.0
    if lamp is not None:
        # The lamp's share, relative to what a surface facing it receives.
        power = ratio * float(facing.mean())
        total += power * np.asarray(lamp.colour) * np.maximum(_FACING @ lamp.direction, 0.15).mean()
    level = float(np.exp(rng.normal(np.log(0.85), 0.25)))
    balance = (total.mean() / total) ** float(rng.uniform(0.4, 1.0))
    gain = balance * level / float((total * balance).mean())
    # Light from behind: a camera keeps the rims from burning out altogether.
    brightest = float((panoramas.harmonics(_AROUND) @ around * gain).mean(axis=1).max())
    gain = gain * min(1.0, 2.5 / max(brightest, 1e-6))
    if lamp is not None:
        lamp = Lamp(lamp.direction, to_colour(power * np.asarray(lamp.colour) * gain))
    return Light(i, rotation, to_colour(gain), lamp)


_AROUND = np.concatenate([np.eye(3), -np.eye(3)])

_FACING = np.array([[0.0, 0.0, -1.0], [0.6, 0.0, -0.8], [-0.6, 0.0, -0.8], [0.0, -0.6, -0.8]])
"""Normals of what a camera sees of a face, camera frame."""


def sample_backdrop(rng: np.random.Generator) -> Backdrop:
    """A panorama for half of the scenes, a procedural background for the others."""
    kind = str(rng.choice(("panorama", "noise", "shapes", "plain"), p=(0.5, 0.2, 0.2, 0.1)))
    first, second = rng.random((2, 1)) ** 2 * np.exp(rng.normal(0, 0.35, (2, 3)))
    return Backdrop(kind, int(rng.integers(2**31)), (to_colour(first), to_colour(second)))
