# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Procedural distractor textures: walls, cloth, flags, letters and patches of skin colour."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.types import Floats, Image

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&%#@!?:;=+-"


Colour = tuple[float, ...]
"""Blue, green and red, 0..255."""


def colour(rng: np.random.Generator) -> Floats:
    """(3,) BGR 0..255: any, or in a third of the cases one that skin may have."""
    if rng.random() < 0.35:
        level, warm = rng.uniform(40, 250), rng.uniform(0.5, 0.9)
        return np.clip(np.array([level * warm * rng.uniform(0.75, 1.0), level * warm, level])
                       + rng.normal(0, 8, 3), 0, 255)  # fmt: skip
    return rng.random(3) ** rng.uniform(0.6, 1.8) * 255


def waves(rng: np.random.Generator, height: int, width: int) -> Floats:
    """(height, width) float32 0..1: a smooth random field."""
    cells = int(rng.integers(2, 12))
    low = rng.random((min(cells * height // max(width, 1), 40) + 2, cells + 2), np.float32)
    return np.asarray(cv2.resize(low, (width, height), interpolation=cv2.INTER_LINEAR))


def cloth(rng: np.random.Generator, height: int, width: int) -> Image:
    """Stripes, checks, dots or rough threads, with folds: shirts, flags, curtains, walls."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    bend = waves(rng, height, width) * rng.uniform(0, 30)
    turn, period = rng.uniform(0, np.pi), float(np.exp(rng.uniform(np.log(3), np.log(60))))
    u = (x * np.cos(turn) + y * np.sin(turn) + bend) * (2 * np.pi / period)
    v = (y * np.cos(turn) - x * np.sin(turn) + bend) * (2 * np.pi / (period * rng.uniform(0.6, 2)))
    kind = int(rng.integers(5))
    sharp = rng.uniform(0.5, 6)
    if kind == 0:
        t = np.sin(u) * sharp
    elif kind == 1:
        t = np.maximum(np.sin(u), np.sin(v)) * sharp - 0.5
    elif kind == 2:
        t = (np.sin(u) * np.sin(v)) * sharp
    elif kind == 3:
        t = (np.cos(u) + np.cos(v) - rng.uniform(0.3, 1.4)) * sharp
    else:
        t = (waves(rng, height, width) - 0.5) * rng.uniform(2, 12)
    t = 1 / (1 + np.exp(-t, dtype=np.float32))[..., None]
    image = colour(rng) * t + colour(rng) * (1 - t)
    if rng.random() < 0.3:
        third = (np.sin(v * rng.uniform(0.3, 1.2)) > rng.uniform(0, 0.9))[..., None]
        image = np.where(third, colour(rng), image)
    folds = 1 + (waves(rng, height, width)[..., None] - 0.5) * rng.uniform(0, 1.3)
    return np.clip(image * folds, 0, 255).astype(np.uint8)


def strew(rng: np.random.Generator, image: Image, count: int) -> None:
    """Draw shapes, lines, letters and soft spots into a picture."""
    height, width = image.shape[:2]
    for _ in range(count):
        paint = tuple(float(v) for v in colour(rng))
        size = float(np.exp(rng.uniform(np.log(3), np.log(0.35 * width))))
        at = tuple(int(v) for v in rng.uniform(0, 1, 2) * (width, height))
        kind = int(rng.integers(8))
        if kind == 0:
            other = tuple(int(a + size * rng.uniform(-1, 1)) for a in at)
            cv2.rectangle(image, at, other, paint, -1 if rng.random() < 0.7 else 2)
        elif kind == 1:
            _oval(rng, image, at, size, paint)
        elif kind == 2:
            points = np.asarray(at) + rng.normal(0, size / 2, (int(rng.integers(3, 7)), 2))
            cv2.fillPoly(image, [points.astype(np.int32)], paint, cv2.LINE_AA)
        elif kind == 3:
            other = tuple(int(a + 3 * size * rng.uniform(-1, 1)) for a in at)
            cv2.line(image, at, other, paint, 1 + int(rng.exponential(3)), cv2.LINE_AA)
        elif kind == 4:
            text = "".join(rng.choice(list(_LETTERS), int(rng.integers(1, 12))))
            cv2.putText(image, text, at, int(rng.integers(8)), max(0.2, size / 60), paint,
                        1 + int(size / 25), cv2.LINE_AA)  # fmt: skip
        elif kind == 5:
            _emblem(rng, image, at, size, paint)
        elif kind == 6:
            _grid(rng, image, at, size, paint)
        else:
            _patch(rng, image, at, size)


def _oval(
    rng: np.random.Generator, image: Image, at: tuple[int, ...], size: float, paint: Colour
) -> None:
    """A ball or an egg, lit from somewhere: the shape of a head without its features."""
    a, b = max(2, int(size / 2)), max(2, int(size / 2 * rng.uniform(0.7, 1.5)))
    x0, y0 = max(0, at[0] - a), max(0, at[1] - b)
    area = image[y0 : at[1] + b, x0 : at[0] + a]
    if area.size == 0:
        return
    y, x = np.mgrid[: area.shape[0], : area.shape[1]].astype(np.float32)
    x, y = (x + x0 - at[0]) / a, (y + y0 - at[1]) / b
    far = x * x + y * y
    light = 1 + rng.uniform(0, 0.5) * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) - 0.3 * far
    solid = np.clip((1 - far) * min(a, b) / 2, 0, 1)[..., None]
    ball = np.clip(np.asarray(paint, np.float32) * light[..., None], 0, 255)
    area[:] = area * (1 - solid) + ball * solid


def _emblem(
    rng: np.random.Generator, image: Image, at: tuple[int, ...], size: float, paint: Colour
) -> None:
    """A round badge: rings, letters along them and something in the middle."""
    radius = max(3, int(size / 2))
    ink = tuple(float(v) for v in colour(rng))
    thick = max(1, radius // 12)
    cv2.circle(image, at, radius, paint, -1, cv2.LINE_AA)
    for share in rng.uniform(0.6, 1.0, int(rng.integers(1, 4))):
        cv2.circle(image, at, max(1, int(radius * share)), ink, thick, cv2.LINE_AA)
    letters = int(rng.integers(0, 25))
    for angle in np.linspace(0, 2 * np.pi, letters, endpoint=False):
        place = np.asarray(at) + 0.82 * radius * np.array([np.cos(angle), np.sin(angle)])
        letter = _LETTERS[int(rng.integers(26))]
        cv2.putText(image, letter, (int(place[0]), int(place[1])), 0, radius / 110, ink, thick)
    for _ in range(int(rng.integers(1, 8))):
        ends = np.asarray(at) + rng.normal(0, radius / 4, (2, 2))
        first, last = ((int(x), int(y)) for x, y in ends)
        if rng.random() < 0.5:
            cv2.line(image, first, last, ink, thick, cv2.LINE_AA)
        else:
            cv2.ellipse(image, first, (max(1, radius // 5), max(1, radius // 8)),
                        float(rng.uniform(0, 180)), 0, 360, ink, thick, cv2.LINE_AA)  # fmt: skip


def _grid(
    rng: np.random.Generator, image: Image, at: tuple[int, ...], size: float, paint: Colour
) -> None:
    """Windows, buttons, tiles: equal spots in rows."""
    rows, columns = (int(v) for v in rng.integers(1, 5, 2))
    step, spot = max(3, int(size / 3)), max(1, int(size / 3 * rng.uniform(0.2, 0.45)))
    for i in range(rows):
        for j in range(columns):
            place = (at[0] + j * step, at[1] + i * step)
            if rng.random() < 0.5:
                cv2.circle(image, place, spot, paint, -1, cv2.LINE_AA)
            else:
                corner = (place[0] + spot, place[1] + int(spot * rng.uniform(0.5, 2)))
                cv2.rectangle(image, place, corner, paint, -1)


def _patch(rng: np.random.Generator, image: Image, at: tuple[int, ...], size: float) -> None:
    """A rectangle of cloth."""
    w, h = int(size * rng.uniform(0.6, 2)) + 4, int(size * rng.uniform(0.6, 2)) + 4
    area = image[at[1] : at[1] + h, at[0] : at[0] + w]
    if area.size:
        area[:] = cloth(rng, h, w)[: area.shape[0], : area.shape[1]]
