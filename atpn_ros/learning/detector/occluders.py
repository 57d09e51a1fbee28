# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws things in front of a part of a face: a wall, bars, balls, lettering."""

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
    side = 2 * int(np.clip(1.6 * size, 8, 320))
    drawn = np.empty((side, side, 3), np.uint8)
    drawn[:] = distractors.colour(rng)
    mask = np.zeros((side, side), np.uint8)
    kind = int(rng.integers(4))
    (_edge, _bars, _balls, _letters)[kind](rng, drawn, mask, size)
    blur = max(0.4, size * float(rng.uniform(0.005, 0.04)))
    # Some are partly transparent, as a veil, a pane or smoke is.
    opacity = float(rng.uniform(0.3, 0.7)) if rng.random() < 0.15 else 1.0
    canvas.overlay(drawn, mask, place, blur, opacity)


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
            turn = float(rng.uniform(0, 180))
            cv2.ellipse(drawn, place, half, turn, 0, 360, (paint * 0.7).tolist(), -1)
            cv2.ellipse(mask, place, half, turn, 0, 360, 255, -1)
            light = [int(p - h / 3) for p, h in zip(place, half, strict=True)]
            cv2.circle(drawn, light, max(1, min(half) // 2), paint.tolist(), -1,
                       cv2.LINE_AA)  # fmt: skip
        else:
            low, high = ([p + s * h for p, h in zip(place, half, strict=True)] for s in (-1, 1))
            cv2.rectangle(drawn, low, high, paint.tolist(), -1)
            cv2.rectangle(mask, low, high, 255, -1)


def _letters(rng: np.random.Generator, drawn: Image, mask: Image, size: float) -> None:
    """A caption, a watermark, a shirt's number."""
    word = "".join(chr(int(c)) for c in rng.integers(65, 91, int(rng.integers(2, 9))))
    scale = size * float(rng.uniform(0.004, 0.018))
    place = (np.array([-0.7, 0.1]) + rng.normal(0, 0.35, 2)) * size + len(mask) / 2
    thick = max(1, round(size * float(rng.uniform(0.02, 0.07))))
    cv2.putText(mask, word, (int(place[0]), int(place[1])), int(rng.integers(0, 5)), scale, 255,
                thick, cv2.LINE_AA)  # fmt: skip
