# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""People set into scenes, and mosaics of squares: pictures with the boxes of all their faces.

Everything is cheap, so that one process feeds a training. What surrounds a face never tells of it:
squares without a face lie beside squares with one, and people seen from behind beside the others.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from atpn_ros.learning.detector import clutter
from atpn_ros.learning.detector.canvas import Canvas
from atpn_ros.learning.detector.looks import blanked, shrunk, tinted
from atpn_ros.learning.detector.sprites import Sprite
from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture and what is in it.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        boxes: (K, 4) corners x0, y0, x1, y1 of faces, pixels.
        ignored: (L, 4) corners of what is neither taught nor counted: hidden and cut faces.
    """

    image: Image
    boxes: Floats
    ignored: Floats


@dataclass(frozen=True, slots=True)
class Material:
    """What scenes are made of.

    Attributes:
        people: Rendered, cut out along their outline.
        portraits: Photographs cut out so; few, but real.
        squares: Renders with what is behind them; their opacity is not looked at.
        views: (H, W, 3) uint8 BGR pictures without people.
    """

    people: list[Sprite]
    portraits: list[Sprite]
    squares: list[Sprite]
    views: list[Image]


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """What kind of scenes.

    Attributes:
        size: Width and height, pixels.
        faces: Smallest and largest side of a face (root of its box's area), pixels.
        people: Most people in a scene.
        mosaics: Share of mosaics.
        empty: Share of scenes without a face.
        roll: Largest turn of a third of the people in the picture, radians; the others a quarter.
    """

    size: tuple[int, int] = (320, 256)
    faces: tuple[float, float] = (8.0, 150.0)
    people: int = 6
    mosaics: float = 0.35
    empty: float = 0.15
    roll: float = 1.1


_REAL = 0.25
"""Share of people that are photographs."""


class Composer:
    """Makes scenes of some material."""

    def __init__(self, material: Material, plan: ScenePlan) -> None:
        self.material, self.plan = material, plan
        self._faceless = [s for s in material.people if s.outline is None]
        # One field of noise, taken at other places each time, costs less than new numbers.
        self._noise = np.random.default_rng(0).standard_normal((640, 800, 3), np.float32)

    def scene(self, rng: np.random.Generator) -> Scene:
        """A scene by chance."""
        faces = rng.random() >= self.plan.empty
        if self.material.squares and rng.random() < self.plan.mosaics:
            canvas = self._mosaic(rng, faces)
        else:
            canvas = self._people(rng, faces)
        return Scene(self._camera(rng, canvas.image), *canvas.truth())

    def _people(self, rng: np.random.Generator, faces: bool) -> Canvas:
        canvas = Canvas(self._background(rng))
        low, high = np.log(self.plan.faces)
        count = int(rng.integers(1, self.plan.people + 1))
        sizes = np.sort(np.exp(low + (high - low) * rng.random(count) ** 1.3))
        for size in sizes:
            pool = self.material.people if faces else self._faceless
            if faces and rng.random() < _REAL:
                pool = self.material.portraits
            if not pool:
                break
            sprite = pool[int(rng.integers(len(pool)))]
            if faces and rng.random() < 0.04 and size > 20:
                sprite = blanked(sprite, rng)
            sprite = shrunk(sprite, float(size))
            image = tinted(sprite.image, rng)
            limit = self.plan.roll if rng.random() < 1 / 3 else self.plan.roll / 4
            turn = float(rng.uniform(-limit, limit))
            place = rng.uniform(0, 1, 2) * self.plan.size
            wide = float(np.exp(rng.normal(0, 0.06))) * (-1 if rng.random() < 0.5 else 1)
            canvas.paste(Sprite(image, sprite.outline), place, float(size), turn, wide)
        if rng.random() < 0.3:
            canvas.cover(rng)
        return canvas

    def _mosaic(self, rng: np.random.Generator, faces: bool) -> Canvas:
        width, height = self.plan.size
        canvas = Canvas(self._background(rng))
        side = int(np.exp(rng.uniform(np.log(30), np.log(height * 0.7))))
        for y in range(-int(rng.integers(side)), height, side):
            for x in range(-int(rng.integers(side)), width, side):
                r = rng.random()
                if r < 0.3:
                    continue
                square = self.material.squares[int(rng.integers(len(self.material.squares)))]
                if r < 0.55 or not faces:
                    patch = self._no_face(rng, square, side)
                    canvas.square(patch, None, (x, y), side, rng.random() < 0.5)
                else:
                    # Some are turned or narrowed inside their square.
                    canvas.square(square.image[..., :3], square.outline, (x, y), side,
                                  rng.random() < 0.5, float(rng.normal(0, 0.25)))  # fmt: skip
        return canvas

    def _no_face(self, rng: np.random.Generator, square: Sprite, side: int) -> Image:
        """Hair, clothes and background beside a rendered face, or something made by code."""
        if square.outline is None or rng.random() < 0.4:
            return clutter.cloth(rng, side, side)
        height, width = square.image.shape[:2]
        low, high = square.outline.min(0), square.outline.max(0)
        inset = (high - low) * 0.15
        x0, y0, x1, y1 = (int(v) for v in (*(low + inset), *(high - inset)))
        strips = [
            square.image[:, : max(x0, 0)], square.image[:, min(x1, width) :],
            square.image[: max(y0, 0)], square.image[min(y1, height) :],
        ]  # fmt: skip
        strip = strips[int(rng.integers(4))][..., :3]
        if min(strip.shape[:2]) < 12:
            return clutter.cloth(rng, side, side)
        if rng.random() < 0.3:
            return np.ascontiguousarray(np.rot90(strip, int(rng.integers(1, 4))))
        return strip

    def _background(self, rng: np.random.Generator) -> Image:
        width, height = self.plan.size
        if rng.random() < 0.3:
            image = clutter.cloth(rng, height // 2, width // 2)
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        else:
            view = self.material.views[int(rng.integers(len(self.material.views)))]
            wide = int(np.exp(rng.uniform(np.log(60), np.log(view.shape[1] * 0.6))))
            wide = min(wide, int(view.shape[0] * 0.9 * width / height))
            high = max(4, wide * height // width)
            x = int(rng.integers(view.shape[1] - wide + 1))
            y = int(rng.integers(view.shape[0] - high + 1))
            image = cv2.resize(view[y : y + high, x : x + wide], (width, height),
                               interpolation=cv2.INTER_LINEAR)  # fmt: skip
            if rng.random() < 0.5:
                image = image[:, ::-1]
        image = np.ascontiguousarray(image, np.uint8)
        if rng.random() < 0.7:
            clutter.strew(rng, image, int(rng.integers(1, 30)))
        if rng.random() < 0.35:
            image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 4)))
        return image

    def _camera(self, rng: np.random.Generator, image: Image) -> Image:
        """What lens and sensor do."""
        height, width = image.shape[:2]
        r = rng.random()
        if r < 0.2:
            image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.3)))
        elif r < 0.3:
            length = int(rng.integers(2, 6))
            kernel = np.zeros((length, length), np.float32)
            line = np.eye(length, dtype=np.float32) if rng.random() < 0.5 else kernel
            if line is kernel:
                kernel[length // 2] = 1
            image = cv2.filter2D(image, -1, line / line.sum())
        light = image.astype(np.float32)
        dark = rng.random() < 0.15
        level = rng.uniform(0.25, 0.7) if dark else np.exp(rng.normal(0, 0.15))
        light *= (level * np.exp(rng.normal(0, 0.06, 3))).astype(np.float32)
        light = 118 * level + (light - 118 * level) * np.float32(np.exp(rng.normal(0, 0.18)))
        if rng.random() < 0.6:
            y, x = int(rng.integers(640 - height + 1)), int(rng.integers(800 - width + 1))
            strength = np.float32(rng.uniform(0.5, 12 if dark else 7))
            light += self._noise[y : y + height, x : x + width] * strength
        out = np.clip(light, 0, 255).astype(np.uint8)
        if rng.random() < 0.12:
            out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        if rng.random() < 0.4:
            quality = int(rng.integers(30, 95))
            coded = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            out = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        return np.asarray(out, np.uint8)
