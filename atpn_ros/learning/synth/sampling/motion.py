# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random motion of people over time: paths, head turns, gaze, blinks, speech and smiles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.sampling import expressions, people
from atpn_ros.learning.synth.scene.description import Person, SceneCamera
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class SequencePlan:
    """What kind of sequence.

    Attributes:
        seconds: How long.
        fps: Frames per second.
        size: (width, height) in pixels.
        people: How many take part. The first two cross; others come in, stay or leave.
        camera_motion: How much the camera turns and moves: 0 stands still.
        effects: 0 disables noise and blur, 1 enables them.
    """

    seconds: float = 5.0
    fps: float = 30.0
    size: tuple[int, int] = (640, 480)
    people: int = 3
    camera_motion: float = 1.0
    effects: float = 1.0


class Wave:
    """A smooth function of time: a few slow sines.

    Args:
        rng: Where amplitudes and phases come from.
        amplitude: Standard deviation of the values.
        slow: Seconds of the slowest wave.
    """

    def __init__(self, rng: np.random.Generator, amplitude: float, slow: float = 6.0) -> None:
        self._rate = 2 * np.pi / slow * np.array([1.0, 1.7, 3.1]) * rng.uniform(0.8, 1.2, 3)
        self._phase = rng.uniform(0, 2 * np.pi, 3)
        self._size = amplitude * np.array([1.0, 0.6, 0.2]) * rng.uniform(0.7, 1.3, 3)

    def __call__(self, t: float) -> float:
        """The value at a time in seconds."""
        return float((self._size * np.sin(self._rate * t + self._phase)).sum())


class Actor:
    """One person and how they move."""

    def __init__(
        self, assets: Assets, palette: Palette, rng: np.random.Generator, number: int,
        plan: SequencePlan, camera: SceneCamera,
    ) -> None:  # fmt: skip
        facing = geometry.FACING
        self.person = people.sample_person(
            assets, palette, rng, facing, np.array([0.0, 0.0, 1.0]), 0.5, number
        )
        self.head = assets.head
        half = camera.width / 2 / camera.fx
        self.depth = float(rng.uniform(0.9, 2.2)) if number > 1 else (0.9, 1.5)[number % 2]
        reach = half * self.depth + 0.25  # just outside the picture
        self.height = float(rng.uniform(-0.12, 0.12)) * self.depth
        t = plan.seconds
        side = 1.0 if rng.random() < 0.5 else -1.0
        if number == 0:
            self.times: tuple[float, ...] = (0.0, t)
            self.places: tuple[float, ...] = (-reach, reach)
        elif number == 1:
            self.times, self.places = (0.0, t), (0.8 * reach, -0.8 * reach)
        elif number % 3 == 2:
            stay = float(rng.uniform(-0.6, 0.6)) * half * self.depth
            self.times = (0.0, 0.25 * t, 0.75 * t, t)
            self.places = (side * reach, stay, stay, -side * reach)
        else:
            stay = float(rng.uniform(-0.7, 0.7)) * half * self.depth
            self.times, self.places = (0.0, t), (stay, stay * 0.8)
        self.sway = [Wave(rng, a) for a in (0.03, 0.02, 0.05)]
        self.turn = [Wave(rng, a, s) for a, s in ((0.09, 5.0), (0.12, 4.0), (0.38, 5.0))]
        self.look = [Wave(rng, a, 2.5) for a in (0.18, 0.1)]
        self.talk = Wave(rng, 0.22, 1.2)
        self.mood = Wave(rng, 0.4, 5.0)
        self.blinks = np.cumsum(rng.exponential(2.5, 64)) + 0.2

    def at(self, t: float, view: Floats, eye: Floats) -> Person:
        """The person at a time, before a camera with world-to-camera rotation and place."""
        x = float(np.interp(t, self.times, self.places))
        place = np.array([x, self.height, self.depth]) + [w(t) for w in self.sway]
        roll, pitch, yaw = (w(t) for w in self.turn)
        # People face roughly the camera's initial position.
        towards = np.arctan2(place[0], place[2])
        rotation = geometry.about_y(towards) @ geometry.head_rotation(roll, pitch, yaw)
        yaw_eye, pitch_eye = np.clip((self.look[0](t), self.look[1](t)), -0.6, 0.45)
        ahead = np.array([np.cos(pitch_eye) * np.cos(yaw_eye), np.cos(pitch_eye) * np.sin(yaw_eye),
                          np.sin(pitch_eye)])  # fmt: skip
        gaze = np.stack([ahead, ahead])
        weights = {"jawOpen": float(np.clip(self.talk(t), 0, 0.5))}
        smile = float(np.clip(self.mood(t), 0, 0.9))
        blink = float(np.exp(-(((t - self.blinks) / 0.07) ** 2)).max())
        for s in ("L", "R"):
            weights[f"mouthSmile_{s}"] = smile
            weights[f"eyeBlink_{s}"] = blink
        weights = expressions.add_lid_motion(weights, gaze)
        wears = tuple(
            replace(w, values=(roll, pitch, float(np.clip(yaw, -0.7, 0.7)), *w.values[3:]))
            if w.kind == "shoulders" else w for w in self.person.accessories
        )  # fmt: skip
        return replace(
            self.person, rotation=view @ rotation, position=view @ (place - eye),
            expression=self.head.coefficients(**weights),
            eyes=replace(self.person.eyes, gaze=gaze), accessories=wears,
        )  # fmt: skip
