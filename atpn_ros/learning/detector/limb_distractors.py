# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Procedural hands, arms and knees in skin colours, as negatives."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector.canvas import Canvas
from atpn_ros.types import Floats, Image


def skin(sprite: Sprite, rng: np.random.Generator) -> Floats:
    """(3,) BGR of a person's cheeks, a little lighter or darker."""
    if sprite.outline is None:
        return rng.uniform(40, 220, 3)
    low, high = sprite.outline.min(0), sprite.outline.max(0)
    (x0, y0), (x1, y1) = (low + (high - low) * s for s in ((0.25, 0.5), (0.75, 0.8)))
    part = sprite.image[int(max(y0, 0)) : int(y1) + 1, int(max(x0, 0)) : int(x1) + 1, :3]
    if part.size == 0:
        return rng.uniform(40, 220, 3)
    return np.asarray(np.median(part.reshape(-1, 3), axis=0) * np.exp(rng.normal(0, 0.15)))


def limb(
    rng: np.random.Generator, canvas: Canvas, colour: Floats, place: Floats, size: float
) -> None:
    """A hand with or without an arm, a fist, or a bare knee, in front of what is there.

    Args:
        rng: Chance.
        canvas: Gets it.
        colour: (3,) BGR.
        place: (2,) pixels of its middle.
        size: Side of a face as near as it, pixels.
    """
    side = int(np.clip(4.5 * size, 8, 400))
    drawn = np.empty((side, side, 3), np.uint8)
    drawn[:] = np.clip(colour * rng.uniform(0.4, 0.8), 0, 255).astype(np.uint8)  # gaps are darker
    mask = np.zeros((side, side), np.uint8)
    r = rng.random()
    if r < 0.55:
        _hand(rng, drawn, mask, colour, size)
    elif r < 0.75:
        _strokes(rng, drawn, mask, colour, size * rng.uniform(0.5, 0.9), 1)
    else:
        _strokes(rng, drawn, mask, colour, size * rng.uniform(0.4, 1.0), 2)
    canvas.overlay(drawn, mask, place, max(0.5, size / 40))


def _shade(rng: np.random.Generator, colour: Floats) -> tuple[float, float, float]:
    b, g, r = np.clip(colour * np.exp(rng.normal(0, 0.12)), 0, 255).tolist()
    return b, g, r


def _stroke(
    rng: np.random.Generator, drawn: Image, mask: Image, colour: Floats,
    ends: tuple[Floats, Floats], width: float,
) -> None:  # fmt: skip
    """A round bar, lighter along its middle."""
    first, last = (tuple(round(float(v)) for v in end) for end in ends)
    base = np.asarray(_shade(rng, colour))
    for share, light in ((1.0, 0.72), (0.7, 0.92), (0.35, 1.05)):
        paint = np.clip(base * light, 0, 255).tolist()
        cv2.line(drawn, first, last, paint, max(1, round(width * share)), cv2.LINE_AA)
    cv2.line(mask, first, last, 255, max(1, round(width)), cv2.LINE_AA)


def _hand(rng: np.random.Generator, drawn: Image, mask: Image, colour: Floats, size: float) -> None:
    middle = np.array(drawn.shape[1::-1]) / 2
    turn, spread = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.3)
    long = size * rng.uniform(0.1, 0.75)  # short ones are a fist's
    thick = size * rng.uniform(0.15, 0.22)
    if rng.random() < 0.6:
        away = np.array([np.cos(turn + np.pi), np.sin(turn + np.pi)]) * 2.0 * size
        _stroke(rng, drawn, mask, colour, (middle, middle + away), 0.45 * size)
    axes = max(1, round(0.42 * size)), max(1, round(0.36 * size))
    centre = tuple(round(float(v)) for v in middle)
    cv2.ellipse(drawn, centre, axes, np.degrees(turn), 0, 360, _shade(rng, colour), -1, cv2.LINE_AA)
    cv2.ellipse(mask, centre, axes, np.degrees(turn), 0, 360, 255, -1, cv2.LINE_AA)
    for i in range(4):
        across = (i - 1.5) * 0.2 * size
        root = middle + 0.3 * size * np.array([np.cos(turn), np.sin(turn)])
        root = root + across * np.array([-np.sin(turn), np.cos(turn)])
        angle = turn + (i - 1.5) * spread
        tip = root + long * np.array([np.cos(angle), np.sin(angle)])
        _stroke(rng, drawn, mask, colour, (root, tip), thick)
    angle = turn + rng.choice((-1, 1)) * rng.uniform(0.7, 1.3)
    tip = middle + 0.65 * size * np.array([np.cos(angle), np.sin(angle)])
    _stroke(rng, drawn, mask, colour, (middle, tip), thick)


def _strokes(
    rng: np.random.Generator, drawn: Image, mask: Image, colour: Floats, width: float, count: int
) -> None:
    """Bars from the middle outwards: an arm, or a bent one."""
    middle = np.array(drawn.shape[1::-1]) / 2
    turn = rng.uniform(0, 2 * np.pi)
    for i in range(count):
        angle = turn + i * rng.uniform(0.5, 2.2)
        end = middle + np.array([np.cos(angle), np.sin(angle)]) * len(drawn) * 0.42
        _stroke(rng, drawn, mask, colour, (middle, end), width)
