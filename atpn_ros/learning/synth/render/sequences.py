# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Renders sequences of moving people and a moving camera, with ids, for tracking evaluation.

The world's axes are those of the camera at the beginning (x right, y down, z ahead). All motion is
a function of time, so frames can be rendered in any order, and the motion does not depend
on the frame rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.assets.tones import Palette
from atpn_ros.learning.synth.render import backdrop, effects
from atpn_ros.learning.synth.render.renderer import Renderer
from atpn_ros.learning.synth.sampling.image_effects import sample_effects
from atpn_ros.learning.synth.sampling.lighting import sample_light
from atpn_ros.learning.synth.sampling.motion import Actor, SequencePlan, Wave
from atpn_ros.learning.synth.scene import labels
from atpn_ros.learning.synth.scene.description import (
    Backdrop,
    Effects,
    Lamp,
    Person,
    Scene,
    SceneCamera,
)
from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class SequenceFrame:
    """One frame: BGR picture, camera matrix, and the labels of all faces in it, by id."""

    index: int
    stamp_ns: int
    image: Image
    camera: Floats
    faces: tuple[labels.FaceLabels, ...]


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
        self.camera = SceneCamera(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
        palette = Palette(assets.skins.base)
        self.actors = [
            Actor(assets, palette, rng, i, plan, self.camera) for i in range(plan.people)
        ]
        self.light = sample_light(assets, rng)
        self.backdrop = Backdrop("panorama", 0)
        motion = plan.camera_motion
        self.turns = [Wave(rng, a * motion, 5.0) for a in (0.015, 0.05, 0.1)]
        self.moves = [Wave(rng, a * motion, 6.0) for a in (0.05, 0.03, 0.06)]
        self.effects = sample_effects(rng, 160.0, 0.6) if plan.effects > 0 else Effects()
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
        bodies = [build_body(self.assets, p) for p in scene.people]
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
