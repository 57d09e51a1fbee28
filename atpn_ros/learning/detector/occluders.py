# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Puts things in front of a part of a face: a wall, bars, balls, lettering, another's hand."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.learning.detector import distractors
from atpn_ros.learning.detector.canvas import Canvas
from atpn_ros.types import Floats, Image


def occlude(rng: np.random.Generator, canvas: Canvas, place: Floats, size: float) -> None:
    """Draw one thing over a face, or beside it.

    Args:
        rng: Chance.
        canvas: Gets it.
        place: (2,) pixels of the face's middle.
        size: Side of the face, pixels.
    """
    reach = int(np.clip(1.6 * size, 8, 320))
    height, width = canvas.image.shape[:2]
    left, top = (int(v) - reach for v in place)
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(width, left + 2 * reach), min(height, top + 2 * reach)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    drawn = np.empty((2 * reach, 2 * reach, 3), np.uint8)
    drawn[:] = distractors.colour(rng)
    mask = np.zeros((2 * reach, 2 * reach), np.uint8)
    kind = int(rng.integers(4))
    (_edge, _bars, _balls, _letters)[kind](rng, drawn, mask, size)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.4, size * float(rng.uniform(0.005, 0.04))))
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    alpha = soft[part][..., None] / np.float32(255)
    if rng.random() < 0.15:  # a veil, a pane, smoke
        alpha *= np.float32(rng.uniform(0.3, 0.7))
    area = canvas.image[y0:y1, x0:x1]
    area[:] = area * (1 - alpha) + drawn[part] * alpha
    canvas.hide((x0, y0), alpha[..., 0] > 0.5)


def _turned(rng: np.random.Generator, side: int) -> tuple[Floats, Floats]:
    """Coordinates of each pixel from the middle, along and across a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:side, :side].astype(np.float32) - side / 2
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _edge(rng: np.random.Generator, drawn: Image, mask: Image, size: float) -> None:
    """A wall, a door, a book, a shoulder: everything beyond a line or a wide arc."""
    along, across = _turned(rng, len(mask))
    bow = rng.normal(0, 0.25) / size
    beyond = along - bow * across**2 > rng.uniform(-0.02, 0.55) * size
    mask[beyond] = 255
    if rng.random() < 0.7:
        drawn[:] = distractors.cloth(rng, *mask.shape)


def _bars(rng: np.random.Generator, drawn: Image, mask: Image, size: float) -> None:
    """A fence, a net, a railing, a microphone's stand: one bar or several in parallel."""
    along, across = _turned(rng, len(mask))
    thick = size * rng.uniform(0.03, 0.16)
    if rng.random() < 0.5:
        middle = rng.normal(0, 0.3) * size
        mask[np.abs(along - middle) < thick] = 255
        return
    period = thick * rng.uniform(3.5, 8)
    shift = rng.random() * period
    mask[(along + shift) % period < thick] = 255
    if rng.random() < 0.4:
        mask[(across + shift) % period < thick] = 255


def _balls(rng: np.random.Generator, drawn: Image, mask: Image, size: float) -> None:
    """A ball, a cup, a microphone, a camera, balloons."""
    for _ in range(int(rng.integers(1, 3))):
        place = (rng.normal(0, 0.5, 2) * size + len(mask) / 2).astype(int).tolist()
        half = [max(1, int(v)) for v in rng.uniform(0.12, 0.45, 2) * size]
        paint = distractors.colour(rng)
        if rng.random() < 0.6:
            cv2.ellipse(drawn, place, half, float(rng.uniform(0, 180)), 0, 360,
                        np.clip(paint * 0.7, 0, 255).tolist(), -1)  # fmt: skip
            cv2.ellipse(mask, place, half, float(rng.uniform(0, 180)), 0, 360, 255, -1)
            light = [int(p - h / 3) for p, h in zip(place, half, strict=True)]
            cv2.circle(drawn, light, max(1, min(half) // 2), np.asarray(paint).tolist(), -1,
                       cv2.LINE_AA)  # fmt: skip
        else:
            low, high = ([p + s * h for p, h in zip(place, half, strict=True)] for s in (-1, 1))
            cv2.rectangle(drawn, low, high, np.asarray(paint).tolist(), -1)
            cv2.rectangle(mask, low, high, 255, -1)


def _letters(rng: np.random.Generator, drawn: Image, mask: Image, size: float) -> None:
    """A caption, a watermark, a shirt's number."""
    word = "".join(chr(int(c)) for c in rng.integers(65, 91, int(rng.integers(2, 9))))
    scale = size * float(rng.uniform(0.004, 0.018))
    place = (np.array([-0.7, 0.1]) + rng.normal(0, 0.35, 2)) * size + len(mask) / 2
    thick = max(1, round(size * float(rng.uniform(0.02, 0.07))))
    cv2.putText(mask, word, (int(place[0]), int(place[1])), int(rng.integers(0, 5)), scale, 255,
                thick, cv2.LINE_AA)  # fmt: skip
