# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws sprites: rendered people with their opacity, and the studio portraits of the same share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.detector.sprites import (
    BROWS,
    FOREHEAD_M,
    Sprite,
    cut_portrait,
    outline,
    save,
)
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets import london
from atpn_ros.learning.synth.render import backdrop, effects, stream
from atpn_ros.learning.synth.render.renderer import FAR
from atpn_ros.learning.synth.sampling import face_scenes
from atpn_ros.learning.synth.scene import labels
from atpn_ros.learning.synth.scene.description import Effects

_FROM_BEHIND = 0.12
"""Share of people seen from behind: they look like people and have no face."""
_AWAY = 0.35
"""z of the head's x axis in the camera frame, from which no face is seen."""
_SEEN = 0.3
"""Share of the landmarks that must be seen: about half of them are in a full profile."""
_HELD_BACK_EVERY, _HELD_BACK_AT = 8, 3
"""Which portraits are held back: the same whose skins :func:`synth.assets.part_of` holds back."""


class Drawer:
    """Draws numbered sprites.

    Args:
        studio: Whose assets, plan and renderer; its plan's effects are left out, since scenes have
            effects of their own.
    """

    def __init__(self, studio: stream.SampleRenderer) -> None:
        self.studio = studio

    def sprite(self, index: int) -> Sprite | None:
        """The sprite of a number, the same whatever was drawn before; None: of no use."""
        studio = self.studio
        rng = np.random.default_rng((studio.seed, index))
        scene, body = face_scenes.face_scene(studio.assets, studio.palette, rng, studio.plan)
        person = scene.people[0]
        behind = rng.random() < _FROM_BEHIND
        if behind:
            turn = geometry.about_z(np.pi + float(rng.uniform(-0.8, 0.8)))
            person = replace(person, rotation=person.rotation @ turn)
            if person.rotation[2, 0] < _AWAY:  # one who had looked aside may face us now
                return None
            body = build_body(studio.assets, person)
        scene = replace(scene, people=(person,), effects=Effects())
        camera = scene.camera
        picture = studio.renderer.draw(scene, [body], backdrop.render(studio.assets, scene, 1.0))
        size = (camera.width, camera.height)
        image = effects.apply(picture.image, size, scene.effects)
        solid = (picture.depth < 0.95 * FAR).astype(np.float32)
        alpha = cv2.resize(solid, size, interpolation=cv2.INTER_AREA)
        # Pixels at the rim are part backdrop: less of them is kept.
        alpha = np.clip((alpha - 0.3) / 0.7, 0, 1) * 255
        cut = np.dstack([image, alpha.astype(np.uint8)])
        if behind:
            return Sprite(cut, None)
        face = labels.label(body, person, camera, picture.depth, picture.scale)
        if face.visible.mean() < _SEEN:
            return None
        raised = camera.project(face.points[BROWS] + face.rotation[:, 2] * FOREHEAD_M)
        up = (raised - face.landmarks[BROWS]).mean(axis=0)
        return Sprite(cut, outline(face.landmarks, up))


def portraits(assets: Path, share: str, side: int) -> Iterator[Sprite]:
    """The studio portraits of a share ("train" or "test"), cut out."""
    for i, portrait in enumerate(london.load(assets / "faces_london")):
        if (i % _HELD_BACK_EVERY == _HELD_BACK_AT) == (share == "test"):
            yield cut_portrait(portrait, side)


def write(
    assets: Path, out: Path, plan: face_scenes.SamplePlan, seed: int, first: int, count: int
) -> None:
    """Draw sprites into a folder, 250 to a file; files that are there are left alone."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "portraits.npz"
    if not path.exists():
        save(path, list(portraits(assets, plan.part, plan.size)))
    drawer = None
    for start in range(first, first + count, 250):
        path = out / f"people-{start:06d}.npz"
        if path.exists():
            continue
        if drawer is None:
            drawer = Drawer(stream.SampleRenderer(stream.load_assets(assets), seed, plan))
        drawn = (drawer.sprite(i) for i in range(start, min(start + 250, first + count)))
        save(path, [s for s in drawn if s is not None])
