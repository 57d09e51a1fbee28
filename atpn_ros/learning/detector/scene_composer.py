# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Composes training scenes with many photographed faces of all sizes.

Whatever could give a face away (a soft or hard edge, another sharpness or light than around it, a
body below, the outline of a head) surrounds pieces of pictures without faces just as often.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector import (
    distractors,
    hand_cutouts,
    limb_distractors,
    occluders,
    sprite_augmentation,
)
from atpn_ros.learning.detector.camera_effects import Sensor
from atpn_ros.learning.detector.canvas import Canvas
from atpn_ros.learning.detector.scenes import Scene
from atpn_ros.learning.detector.sprite_appearance import blanked, head, tinted
from atpn_ros.types import Floats, Image

_DRAWN_FACE = 20.0
"""Side of a face in pixels from which a drawing of it can be told from a blurred face."""


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """What kind of scenes.

    Attributes:
        size: Width and height, pixels.
        faces: Smallest and largest side of a face (root of its box's area), pixels.
        people: Most people in a scene.
        tiles: Share of scenes made of tiles.
        rows: Share of scenes of people in rows, as in a photograph of a class.
        empty: Share of scenes without a face.
        renders: Share of people that are rendered, where there are renders.
    """

    size: tuple[int, int] = (384, 320)
    faces: tuple[float, float] = (7.0, 200.0)
    people: int = 24
    tiles: float = 0.22
    rows: float = 0.13
    empty: float = 0.08
    renders: float = 0.25


@dataclass(frozen=True, slots=True)
class Pieces:
    """What scenes are made of.

    Attributes:
        people: Photographs with their outline; opaque on the person.
        views: (H, W, 3) uint8 BGR pictures without people.
        hard: Squares of such pictures that an earlier detector took for faces.
        renders: Rendered people, as ``people``.
        hands: Drawings of :func:`hand_cutouts.hands`.
    """

    people: list[Sprite]
    views: list[Image]
    hard: list[Image]
    renders: list[Sprite] = field(default_factory=list)
    hands: list[Sprite] = field(default_factory=list)


class Crowds:
    """Makes scenes of pieces."""

    def __init__(self, pieces: Pieces, plan: CrowdPlan) -> None:
        self.pieces, self.plan = pieces, plan
        self._sensor = Sensor()

    def scene(self, rng: np.random.Generator) -> Scene:
        """A scene by chance."""
        r, plan = rng.random(), self.plan
        canvas = Canvas(self._background(rng))
        if r < plan.empty:
            self._crowd(rng, canvas, 0.0)
        elif r < plan.empty + plan.tiles:
            self._tiles(rng, canvas)
        elif r < plan.empty + plan.tiles + plan.rows:
            self._rows(rng, canvas)
        else:
            self._crowd(rng, canvas, float(rng.uniform(0.45, 0.9)))
        for _ in range(int(rng.random() < 0.25) * int(rng.integers(1, 4))):
            canvas.cover(rng)
        return Scene(self._sensor.take(rng, canvas.image), *canvas.truth())

    def _sizes(self, rng: np.random.Generator) -> Floats:
        """Sides of what stands in a scene, of about one distance; far away first."""
        low, high = np.log(self.plan.faces)
        typical = low + (high - low) * rng.random() ** 1.25
        if rng.random() < 0.35:
            typical = rng.uniform(np.log(22), np.log(75))
        width, height = self.plan.size
        room = 0.9 * width * height / (1.7 * np.exp(typical)) ** 2
        count = int(np.clip(room * rng.uniform(0.5, 1.3), 2, self.plan.people))
        sizes = np.exp(typical + rng.normal(0, rng.uniform(0.05, 0.6), count))
        return np.sort(np.clip(sizes, *self.plan.faces))

    def _crowd(self, rng: np.random.Generator, canvas: Canvas, share: float) -> None:
        """People and other things, in any place; ``share`` of them are people."""
        width, height = self.plan.size
        used: list[tuple[float, float, float]] = []
        for size in self._sizes(rng):
            place = rng.random(2) * (width, height)
            for _ in range(6):
                if all(max(abs(place[0] - x), 0.8 * abs(place[1] - y)) > 0.5 * (size + s)
                       for x, y, s in used):  # fmt: skip
                    break
                place = rng.random(2) * (width, height)
            used.append((place[0], place[1], size))
            if rng.random() < 0.25:
                self._limb_anywhere(rng, canvas, float(size))
            self._one(rng, canvas, place, float(size), rng.random() < share)

    def _rows(self, rng: np.random.Generator, canvas: Canvas) -> None:
        """Rows of people, the nearer before the farther."""
        width, height = self.plan.size
        size = float(np.exp(rng.uniform(np.log(8), np.log(60))))
        step = size * rng.uniform(1.15, 2.2)
        y = rng.uniform(0, 2) * size
        for _ in range(6):
            x = rng.uniform(-0.5, 0.5) * step
            while x < width:
                at = np.array([x, y]) + rng.normal(0, 0.12, 2) * size
                self._one(rng, canvas, at, size * float(np.exp(rng.normal(0, 0.08))),
                          rng.random() < 0.85, 0.12)  # fmt: skip
                if rng.random() < 0.06:
                    self._limb_anywhere(rng, canvas, size)
                x += step
            y += size * rng.uniform(1.2, 2.4)
            size *= float(rng.uniform(1.0, 1.15))
            if y > height:
                break

    def _one(
        self, rng: np.random.Generator, canvas: Canvas, place: Floats, size: float, person: bool,
        turned: float | None = None,
    ) -> None:  # fmt: skip
        """A person, or something that is pasted as a person would be."""
        body = size > 7 and rng.random() < 0.5
        turn = sprite_augmentation.roll(rng) if turned is None else float(rng.normal(0, turned))
        sprite = self._person(rng)
        if not person:
            kind = rng.random()
            if kind < 0.12:
                sprite = sprite_augmentation.behind(sprite, rng)
            elif kind < 0.17 and size >= _DRAWN_FACE:
                sprite = sprite_augmentation.drawn(sprite, rng)
            elif kind < 0.24:
                sprite = blanked(sprite, rng)
            else:
                sprite = sprite_augmentation.filled(sprite, self._piece(rng), rng)
        sprite = sprite_augmentation.shrunk(sprite, size)
        if rng.random() < 0.25:
            sprite = sprite_augmentation.younger(sprite, rng)
        if body:
            sprite_augmentation.torso(rng, canvas, sprite, place, size, turn)
        image = tinted(sprite.image, rng)
        if rng.random() < 0.25:
            image = sprite_augmentation.shadowed(Sprite(image, sprite.outline), rng)
        if rng.random() < 0.5:
            image = sprite_augmentation.softened(Sprite(image, sprite.outline), rng)
        if rng.random() < 0.45:
            image = sprite_augmentation.worn(Sprite(image, sprite.outline), rng)
        wide = float(np.exp(rng.normal(0, 0.07))) * (-1 if rng.random() < 0.5 else 1)
        canvas.paste(Sprite(image, sprite.outline if person else None), place, size, turn, wide,
                     head(sprite))  # fmt: skip
        if rng.random() < 0.1:  # a hand at the chin or before the mouth, or near by
            at = place + rng.normal((0, 0.5), (0.5, 0.25)) * size
            skin = limb_distractors.skin(sprite, rng)
            self._limb(rng, canvas, skin, at, size * rng.uniform(0.5, 0.9))
        elif rng.random() < 0.12:
            occluders.occlude(rng, canvas, place, size)

    def _limb_anywhere(self, rng: np.random.Generator, canvas: Canvas, size: float) -> None:
        """A hand or an arm, in any place."""
        place = rng.random(2) * self.plan.size
        size *= float(np.exp(rng.normal(0, 0.3)))
        self._limb(rng, canvas, limb_distractors.skin(self._person(rng), rng), place, size)

    def _limb(
        self, rng: np.random.Generator, canvas: Canvas, skin: Floats, place: Floats, size: float
    ) -> None:
        """A hand or an arm in front of what is there; arguments as of ``limb_distractors.limb``."""
        hands = self.pieces.hands
        if not hands or rng.random() < 0.3:
            limb_distractors.limb(rng, canvas, skin, place, size)
            return
        drawing = hands[int(rng.integers(len(hands)))]
        # `paste` takes the size of a head in the drawing; a hand is as long as a face or longer.
        size *= float(rng.uniform(1.0, 1.5)) * head(drawing)[1] / hand_cutouts.HAND
        image = sprite_augmentation.shrunk(drawing, size).image.copy()
        image[..., :3] = np.clip(image[..., :3] * (skin / hand_cutouts.GREY), 0, 255)
        turn, wide = float(rng.uniform(-np.pi, np.pi)), float(np.exp(rng.normal(0, 0.1)))
        canvas.paste(Sprite(image, None), place, size, turn, wide)

    def _person(self, rng: np.random.Generator) -> Sprite:
        people = self.pieces.people
        if self.pieces.renders and rng.random() < self.plan.renders:
            people = self.pieces.renders
        return people[int(rng.integers(len(people)))]

    def _tiles(self, rng: np.random.Generator, canvas: Canvas) -> None:
        """Rectangles of photographs as they are, beside rectangles without a face."""
        width, height = self.plan.size
        low, high = np.log(self.plan.faces)
        size = float(np.exp(low + (high - low) * rng.random() ** 1.2))
        step = size * rng.uniform(1.3, 2.6)
        y = -rng.random() * step
        while y < height:
            x = -rng.random() * step
            while x < width:
                w, h = step * rng.uniform(0.8, 1.1), step * rng.uniform(0.8, 1.1)
                self._tile(rng, canvas, (x, y, w, h), size * float(np.exp(rng.normal(0, 0.2))))
                x += w + rng.random() * step * 0.3
            y += step * rng.uniform(0.9, 1.3)

    def _tile(
        self, rng: np.random.Generator, canvas: Canvas, area: tuple[float, float, float, float],
        size: float,
    ) -> None:  # fmt: skip
        r = rng.random()
        if r < 0.15:
            return
        if r < 0.5:
            sprite = Sprite(
                sprite_augmentation.opaque(sprite_augmentation.plain(self._piece(rng), 160)), None
            )
            canvas.tile(
                sprite, area, area[2] / 160 * 60, sprite_augmentation.roll(rng), 1.0, (80.0, 80.0)
            )
            return
        sprite = sprite_augmentation.shrunk(self._person(rng), size)
        middle, _ = head(sprite)
        if r < 0.58:  # clothes, neck and wall of the same photographs, and no face or a part of it
            away = (rng.uniform(-0.7, 0.7), 1.5) if rng.random() < 0.7 else (1.4, 0.2)
            middle = middle + np.asarray(away) * size
        else:
            middle = middle + rng.normal(0, 0.15, 2) * size
        image = sprite_augmentation.opaque(tinted(sprite.image, rng)[..., :3])
        wide = float(np.exp(rng.normal(0, 0.05))) * (-1 if rng.random() < 0.5 else 1)
        turn = sprite_augmentation.roll(rng) * 0.6
        now = head(sprite)[1]
        canvas.tile(Sprite(image, sprite.outline), area, size / now * 60, turn, wide, tuple(middle))

    def _piece(self, rng: np.random.Generator) -> Image:
        """A piece of a picture without a face."""
        r = rng.random()
        if r < 0.08:
            return distractors.cloth(rng, 96, 96)
        if self.pieces.hard and r < 0.5:
            hard = self.pieces.hard[int(rng.integers(len(self.pieces.hard)))]
            inset = int(rng.uniform(0.0, 0.36) * len(hard))
            return hard[inset : len(hard) - inset, inset : len(hard) - inset]
        view = self.pieces.views[int(rng.integers(len(self.pieces.views)))]
        return sprite_augmentation.window(rng, view, 1.0, 0.08)

    def _background(self, rng: np.random.Generator) -> Image:
        width, height = self.plan.size
        if rng.random() < 0.12:
            image = distractors.cloth(rng, height // 2, width // 2)
        elif self.pieces.hard and rng.random() < 0.2:
            image = self.pieces.hard[int(rng.integers(len(self.pieces.hard)))]
        else:
            view = self.pieces.views[int(rng.integers(len(self.pieces.views)))]
            image = sprite_augmentation.window(rng, view, width / height, 0.25)
        image = np.ascontiguousarray(sprite_augmentation.plain(image, width, height))
        if rng.random() < 0.25:
            distractors.strew(rng, image, int(rng.integers(1, 25)))
        if rng.random() < 0.3:
            image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 4)))
        return np.asarray(image, np.uint8)
