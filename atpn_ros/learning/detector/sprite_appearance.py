# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Changes the size or light of a cut-out person, or hides the face."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector import distractors
from atpn_ros.types import Floats, Image


def head(sprite: Sprite) -> tuple[Floats, float]:
    """(2,) middle and size of the face; without one, of where a head is."""
    if sprite.outline is None:
        side = sprite.image.shape[1]
        return np.array([side / 2, side * 0.45]), 0.37 * side
    low, high = sprite.outline.min(0), sprite.outline.max(0)
    return (low + high) / 2, float(np.sqrt((high - low).prod()))


def tinted(image: Image, rng: np.random.Generator) -> Image:
    """Somebody in another light: brighter, darker, warmer, and lit from a side."""
    light = image[..., :3].astype(np.float32)
    gain = np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.07, 3)).astype(np.float32)
    if rng.random() < 0.3:
        ramp = np.linspace(-1, 1, light.shape[1], dtype=np.float32)[None, :, None]
        light *= np.exp(ramp * np.float32(rng.normal(0, 0.5)))
    if rng.random() < 0.4:  # plain clothes get a colour; skin is never so grey and light
        clothes = light[int(0.76 * len(light)) :]
        blue, red = clothes[..., 0], clothes[..., 2]
        grey = (np.abs(red - blue) < 28) & (blue + red > 240)
        clothes[grey] *= (distractors.colour(rng) / 255).astype(np.float32)
    light *= gain
    return np.dstack([np.clip(light, 0, 255).astype(np.uint8), image[..., 3]])


def blanked(sprite: Sprite, rng: np.random.Generator) -> Sprite:
    """A head whose face has no features any more, which is no face."""
    if sprite.outline is None:
        return sprite
    image = sprite.image.copy()
    hull = cv2.convexHull(sprite.outline.astype(np.float32)).astype(np.int32)
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, hull, 255)
    mean = np.asarray(cv2.mean(image, mask)[:3])
    shade = np.exp(
        (distractors.waves(rng, *image.shape[:2])[..., None] - 0.5) * rng.uniform(0, 0.8)
    )
    soft = cv2.GaussianBlur(mask, (0, 0), image.shape[1] / 80)[..., None] / 255.0
    image[..., :3] = np.clip(image[..., :3] * (1 - soft) + mean * shade * soft, 0, 255)
    return Sprite(image, None)
