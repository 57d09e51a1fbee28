# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Augments cut-out people: adds bodies, hats and glasses, and replaces faces or textures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from atpn_ros.learning.data.drawings import draw
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector import distractors
from atpn_ros.learning.detector.sprite_appearance import head
from atpn_ros.types import Floats, Image

if TYPE_CHECKING:
    from atpn_ros.learning.detector.canvas import Canvas


def roll(rng: np.random.Generator) -> float:
    """How far a head is turned in the picture, radians: mostly little, some lie."""
    r = rng.random()
    if r < 0.55:
        return float(rng.normal(0, 0.14))
    return float(rng.uniform(-0.8, 0.8) if r < 0.8 else rng.uniform(-np.pi, np.pi))


def window(rng: np.random.Generator, view: Image, aspect: float, least: float) -> Image:
    """A part of a picture, from ``least`` of its size, mirrored or not.

    Args:
        rng: Chance.
        view: (H, W, 3).
        aspect: Width over height of the part.
        least: Least width over the greatest possible one.
    """
    height, width = view.shape[:2]
    most = min(width, height * aspect)
    w = most * np.exp(rng.uniform(np.log(least), 0))
    w, h = max(4, int(w)), max(4, int(w / aspect))
    x, y = int(rng.integers(max(1, width - w))), int(rng.integers(max(1, height - h)))
    part = view[y : y + h, x : x + w]
    return part[:, ::-1] if rng.random() < 0.5 else part


def plain(image: Image, width: int, height: int | None = None) -> Image:
    """A picture at another size."""
    size = (width, height or width)
    shrinks = image.shape[1] > size[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=way), np.uint8)


def opaque(image: Image) -> Image:
    """(H, W, 4) of (H, W, 3)."""
    return np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])


def shrunk(sprite: Sprite, size: float) -> Sprite:
    """Somebody with little more pixels than a face of ``size`` needs: warping takes every n-th."""
    less = size / head(sprite)[1] * 1.2
    if less > 0.8:
        return sprite
    height, width = sprite.image.shape[:2]
    shape = (max(6, round(width * less)), max(6, round(height * less)))
    image = cv2.resize(sprite.image, shape, interpolation=cv2.INTER_AREA)
    scale = np.array(shape) / (width, height)
    points = sprite.outline
    moved = None if points is None else ((points + 0.5) * scale - 0.5).astype(np.float32)
    return Sprite(image, moved)


def oval(sprite: Sprite, rng: np.random.Generator) -> Floats:
    """(H, W) 0..1: a soft oval that holds the head and more or less around it."""
    height, width = sprite.image.shape[:2]
    middle, size = head(sprite)
    if sprite.outline is None:
        half = np.array([size * 0.55, size * 0.65])
    else:
        half = (sprite.outline.max(0) - sprite.outline.min(0)) / 2
    half = np.maximum(half, 0.42 * size) * rng.uniform(1.1, 1.9, 2)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    far = np.hypot((x - middle[0]) / half[0], (y - middle[1] + 0.1 * size) / half[1])
    return np.asarray(np.clip((1 - far) * rng.uniform(2, 12) + 0.5, 0, 1), np.float32)


def softened(sprite: Sprite, rng: np.random.Generator) -> Image:
    """(H, W, 4) with an oval instead of the person's outline, or what both hold."""
    alpha = oval(sprite, rng) * 255
    image = sprite.image.copy()
    if rng.random() < 0.4:
        alpha = np.minimum(alpha, image[..., 3])
    image[..., 3] = alpha
    return image


def filled(sprite: Sprite, piece: Image, rng: np.random.Generator) -> Sprite:
    """A person's outline that shows a piece of something else.

    The result keeps the person's outline of the face, so that it is placed in the same way.
    """
    height, width = sprite.image.shape[:2]
    middle, size = head(sprite)
    image = np.empty_like(sprite.image)
    image[..., :3] = plain(piece, width, height)
    if rng.random() < 0.6:  # the piece where a face would be, as large as a face or a head
        side = int(size * rng.uniform(1.0, 2.2))
        x, y = (int(v - side / 2) for v in middle)
        x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + side), min(height, y + side)
        if x1 - x0 > 3 and y1 - y0 > 3:
            image[y0:y1, x0:x1, :3] = plain(piece, x1 - x0, y1 - y0)
    image[..., 3] = sprite.image[..., 3]
    return Sprite(image, sprite.outline)


def drawn(sprite: Sprite, rng: np.random.Generator) -> Sprite:
    """A drawing or relief of a person, which is no face. It keeps the outline, to be placed."""
    image = sprite.image.copy()
    image[..., :3] = draw(np.ascontiguousarray(image[..., :3]), rng)
    return Sprite(image, sprite.outline)


def behind(sprite: Sprite, rng: np.random.Generator) -> Sprite:
    """A head seen from behind: hair where the face was. It keeps the outline, to be placed."""
    if sprite.outline is None:
        return sprite
    image = sprite.image.copy()
    low, high = sprite.outline.min(0), sprite.outline.max(0)
    height, width = image.shape[:2]
    top = int(max(0, low[1] - 0.22 * (high[1] - low[1])))
    strip = image[top : max(top + 2, int(low[1])), max(0, int(low[0])) : int(high[0]) + 1]
    colour = np.median(strip[..., :3].reshape(-1, 3), axis=0) if strip.size else np.full(3, 60.0)
    mask = np.zeros((height, width), np.uint8)
    middle = (low + high) / 2
    axes = (high - low) * (0.62, 0.55 * rng.uniform(0.8, 1.1))
    cv2.ellipse(mask, (int(middle[0]), int(middle[1] - 0.1 * axes[1])),
                (max(1, int(axes[0])), max(1, int(axes[1]))), 0, 0, 360, 255, -1)  # fmt: skip
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, width / 90))[..., None] / 255.0
    threads = cv2.resize(distractors.waves(rng, max(4, height // 6), width), (width, height))
    shade = np.exp((threads[..., None] - 0.5) * rng.uniform(0.2, 1.2))
    image[..., :3] = np.clip(image[..., :3] * (1 - soft) + colour * shade * soft, 0, 255)
    return Sprite(image, sprite.outline)


def torso(
    rng: np.random.Generator, canvas: Canvas, sprite: Sprite, place: Floats, size: float,
    turn: float,
) -> None:  # fmt: skip
    """Shoulders and chest below a head's place, of cloth or of the cut-out's own lowest colour."""
    image = canvas.image
    height, width = image.shape[:2]
    half, down = size * rng.uniform(1.0, 1.7), size * rng.uniform(2, 6)
    neck = size * rng.uniform(0.25, 0.4)
    top = size * rng.uniform(0.5, 0.75)
    rim = np.array([
        (-neck, top), (neck, top), (0.8 * half, top + 0.35 * size), (half, top + 0.7 * size),
        (half * rng.uniform(0.8, 1.25), down), (-half * rng.uniform(0.8, 1.25), down),
        (-half, top + 0.7 * size), (-0.8 * half, top + 0.35 * size),
    ])  # fmt: skip
    c, s = np.cos(turn * 0.5), np.sin(turn * 0.5)
    rim = rim @ np.array([[c, s], [-s, c]]) + place
    x0, y0 = np.maximum(np.floor(rim.min(0)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(rim.max(0)), (width, height)).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(mask, [np.round((rim - (x0, y0)) * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    if rng.random() < 0.4:
        low = sprite.image[-max(1, sprite.image.shape[0] // 12) :]
        cloth = np.broadcast_to(np.median(low[..., :3].reshape(-1, 3), axis=0), (*mask.shape, 3))
    else:
        cloth = distractors.cloth(rng, *mask.shape)
    soft = mask[..., None] / np.float32(255)
    area = image[y0:y1, x0:x1]
    area[:] = area * (1 - soft) + cloth * soft
    canvas.hide((int(x0), int(y0)), mask > 127)


def younger(sprite: Sprite, rng: np.random.Generator) -> Sprite:
    """Somebody with a child's proportions: a taller brow and eyes, a shorter nose and chin."""
    if sprite.outline is None:
        return sprite
    height, width = sprite.image.shape[:2]
    low, high = sprite.outline.min(0), sprite.outline.max(0)
    middle, half = (low + high)[1] / 2, (high - low)[1] / 2
    # Rows from the hair to below the chin are moved down, most in the middle of the face.
    shift = float(rng.uniform(0.08, 0.22)) * half
    rows = np.arange(height, dtype=np.float32)
    moved = rows + shift * np.exp(-0.5 * ((rows - middle) / (0.8 * half)) ** 2)
    source = np.interp(rows, moved, rows).astype(np.float32)
    columns = np.broadcast_to(np.arange(width, dtype=np.float32), (height, width))
    image = cv2.remap(sprite.image, columns, np.repeat(source[:, None], width, 1), cv2.INTER_LINEAR)
    points = np.array(sprite.outline)
    points[:, 1] = np.interp(points[:, 1], rows, moved)
    return Sprite(np.asarray(image, np.uint8), points)


def shadowed(sprite: Sprite, rng: np.random.Generator) -> Image:
    """(H, W, 4): light from one side or from above, with a soft or hard edge across the face."""
    height, width = sprite.image.shape[:2]
    middle, size = head(sprite)
    turn = rng.normal(-np.pi / 2, 1.2)  # most light comes from above
    y, x = np.mgrid[:height, :width].astype(np.float32)
    along = (x - middle[0]) * np.cos(turn) + (y - middle[1]) * np.sin(turn)
    edge = size * rng.normal(0, 0.3)
    lit = 1 / (1 + np.exp(-np.clip((along - edge) / (size * rng.uniform(0.03, 0.5)), -30, 30)))
    if rng.random() < 0.4:
        lit = 1 - lit  # under a brim, or before a window
    light = rng.uniform(0.25, 0.8) * (1 - lit) + rng.uniform(0.9, 1.35) * lit
    image = sprite.image.copy()
    image[..., :3] = np.clip(image[..., :3] * light[..., None], 0, 255)
    return image


def worn(sprite: Sprite, rng: np.random.Generator) -> Image:
    """(H, W, 4): a cap over the hair, dark glasses, or something held before a part of the face."""
    image = sprite.image.copy()
    if sprite.outline is None:
        return image
    low, high = sprite.outline.min(0), sprite.outline.max(0)
    w, h = high - low
    x, y = (low + high) / 2
    paint = tuple(float(v) for v in distractors.colour(rng))
    layer = np.ascontiguousarray(image[..., :3])
    kind = rng.random()
    if kind < 0.4:
        centre = (int(x), int(low[1] + 0.12 * h))
        cv2.ellipse(layer, centre, (int(0.62 * w), int(rng.uniform(0.25, 0.5) * h)), 0, 180, 360,
                    paint, -1)  # fmt: skip
        if rng.random() < 0.5:
            cv2.ellipse(layer, centre, (int(0.75 * w), max(1, int(0.07 * h))), 0, 0, 360, paint, -1)
    elif kind < 0.7:
        dark = tuple(float(v) for v in rng.uniform(0, 60, 3))
        wide, tall = rng.uniform(0.15, 0.26) * w, rng.uniform(0.07, 0.13) * h
        for side in (-1, 1):
            centre = (int(x + side * 0.23 * w), int(low[1] + rng.uniform(0.4, 0.45) * h))
            cv2.ellipse(layer, centre, (max(1, int(wide)), max(1, int(tall))), 0, 0, 360,
                        dark, -1)  # fmt: skip
        if rng.random() < 0.5:
            at = int(low[1] + 0.4 * h)
            cv2.line(layer, (int(low[0]), at), (int(high[0]), at), dark, max(1, int(0.04 * h)))
    else:
        side = rng.choice((-1, 1))
        centre = (int(x + side * rng.uniform(0.1, 0.7) * w), int(y + rng.uniform(0.1, 0.6) * h))
        cv2.ellipse(layer, centre, (max(1, int(0.3 * w)), max(1, int(0.2 * h))),
                    float(rng.uniform(0, 180)), 0, 360, paint, -1)  # fmt: skip
    image[..., :3] = layer
    return image
