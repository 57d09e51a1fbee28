# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Moving people before a moving camera, with ids: for figures of tracking.

The world's axes are those of the camera at the beginning (x right, y down, z ahead). All motion is
a function of time, so any frame can be drawn alone and the frame rate changes nothing but the rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.render import backdrop, effects
from atpn_ros.learning.synth.render.renderer import Renderer
from atpn_ros.learning.synth.scene import expressions, labels, people, sampling
from atpn_ros.learning.synth.scene.body import prepare
from atpn_ros.learning.synth.scene.scene import Backdrop, Camera, Effects, Lamp, Person, Scene
from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class SequencePlan:
    """What kind of sequence.

    Attributes:
        seconds: How long.
        fps: Frames per second.
        size: (width, height) in pixels.
        people: How many take part. The first two cross; others come in, stay or leave.
        camera_motion: How much the camera turns and moves: 0 stands still.
        effects: 0 a clean picture, 1 noise and blur as usual.
    """

    seconds: float = 5.0
    fps: float = 30.0
    size: tuple[int, int] = (640, 480)
    people: int = 3
    camera_motion: float = 1.0
    effects: float = 1.0


@dataclass(frozen=True, slots=True)
class SequenceFrame:
    """One frame: BGR picture, camera matrix, and the labels of all faces in it, by id."""

    index: int
    stamp_ns: int
    image: Image
    camera: Floats
    faces: tuple[labels.FaceLabels, ...]


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


class _Actor:
    """One person and how they move."""

    def __init__(
        self, assets: Assets, palette: Palette, rng: np.random.Generator, number: int,
        plan: SequencePlan, camera: Camera,
    ) -> None:  # fmt: skip
        facing = geometry.FACING
        self.person = people.draw(
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
        # They look roughly to where the camera was at the beginning.
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
        weights = expressions.follow(weights, gaze)
        wears = tuple(
            replace(w, values=(roll, pitch, float(np.clip(yaw, -0.7, 0.7)), *w.values[3:]))
            if w.kind == "shoulders" else w for w in self.person.wears
        )  # fmt: skip
        return replace(
            self.person, rotation=view @ rotation, position=view @ (place - eye),
            expression=self.head.coefficients(**weights),
            eyes=replace(self.person.eyes, gaze=gaze), wears=wears,
        )  # fmt: skip


class SequenceRenderer:
    """A sequence that can be drawn frame by frame.

    Args:
        assets: What people are made of.
        seed: Decides everything.
        plan: What kind of sequence.
        renderer: To draw with; by default one of its own.
    """

    def __init__(
        self, assets: Assets, seed: int, plan: SequencePlan, renderer: Renderer | None = None
    ) -> None:
        self.assets, self.seed, self.plan = assets, seed, plan
        self.renderer = renderer or Renderer(assets, 1.25)
        rng = np.random.default_rng((seed, 0x5E0))
        width, height = plan.size
        focal = width * float(rng.uniform(0.7, 1.0))
        self.camera = Camera(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
        palette = Palette(assets.skins.base)
        self.actors = [
            _Actor(assets, palette, rng, i, plan, self.camera) for i in range(plan.people)
        ]
        self.light = sampling.draw_light(assets, rng)
        self.backdrop = Backdrop("panorama", 0)
        motion = plan.camera_motion
        self.turns = [Wave(rng, a * motion, 5.0) for a in (0.015, 0.05, 0.1)]
        self.moves = [Wave(rng, a * motion, 6.0) for a in (0.05, 0.03, 0.06)]
        self.effects = effects.draw(rng, 160.0, 0.6) if plan.effects > 0 else Effects()
        level = max(1.0, 0.55 / max(self.effects.gain))
        gain = self.effects.gain
        self.effects = replace(
            self.effects, motion=(0.0, 0.0), shrink=1.0,
            gain=(gain[0] * level, gain[1] * level, gain[2] * level),
        )  # fmt: skip

    def __len__(self) -> int:
        return max(1, round(self.plan.seconds * self.plan.fps))

    def scene(self, index: int) -> tuple[Scene, int]:
        """The scene of a frame, and its stamp in nanoseconds."""
        stamp = round(index * 1e9 / self.plan.fps)
        t = stamp / 1e9
        roll, pitch, yaw = (w(t) for w in self.turns)
        # Camera to world: a small turn of the optical frame.
        turn = geometry.about_y(yaw) @ geometry.about_x(pitch) @ geometry.about_z(roll)
        eye = np.array([w(t) for w in self.moves])
        light = self.light
        lamp = light.lamp
        if lamp is not None:
            lamp = Lamp(turn.T @ lamp.direction, lamp.colour)
        light = replace(light, rotation=light.rotation @ turn, lamp=lamp)
        crowd = tuple(a.at(t, turn.T, eye) for a in self.actors)
        ahead = tuple(p for p in crowd if self._near(p))
        made = replace(self.effects, seed=self.seed * 100003 + index)
        return Scene(self.camera, ahead, light, self.backdrop, made), stamp

    def _near(self, person: Person) -> bool:
        """Whether any part of the person can be in the picture."""
        z = float(person.position[2])
        if z < 0.2:
            return False
        u, v = self.camera.project(person.position)
        reach = 0.55 * self.camera.fx / z
        return bool(
            -reach < u < self.camera.width + reach and -reach < v < self.camera.height + reach
        )

    def frame(self, index: int) -> SequenceFrame:
        """Draw a frame."""
        scene, stamp = self.scene(index)
        bodies = [prepare(self.assets, p) for p in scene.people]
        behind = backdrop.render(self.assets, scene, 1.0)
        picture = self.renderer.draw(scene, bodies, behind)
        faces = [
            labels.label(b, p, self.camera, picture.depth, picture.scale)
            for b, p in zip(bodies, scene.people, strict=True)
        ]
        inside = tuple(f for f in faces if self._overlaps(f))
        image = effects.apply(picture.image, self.plan.size, scene.effects)
        return SequenceFrame(index, stamp, image, self.camera.matrix, inside)

    def _overlaps(self, face: labels.FaceLabels) -> bool:
        x0, y0, x1, y1 = face.box.xyxy
        return x1 > 0 and y1 > 0 and x0 < self.camera.width - 1 and y0 < self.camera.height - 1

    def frames(self) -> Iterator[SequenceFrame]:
        """All frames, in order."""
        for i in range(len(self)):
            yield self.frame(i)
