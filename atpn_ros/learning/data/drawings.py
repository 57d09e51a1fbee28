# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turns pictures of faces into drawings, prints and reliefs, which are not faces of people."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.types import Image

MIN_FACE_SIDE = 60.0
"""Smallest side of a face's square in pixels from which a drawing differs from a blurred face."""


def draw(picture: Image, rng: np.random.Generator) -> Image:
    """A drawing of a (S, S, 3) uint8 BGR picture: lines, cartoon, stencil or relief."""
    kind = int(rng.integers(4))
    return (_lines, _cartoon, _stencil, _relief)[kind](picture, rng)


def _grey(picture: Image) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255


def _on_paper(ink: np.ndarray, rng: np.random.Generator) -> Image:
    """Ink (S, S), 0 none to 1 full, on paper of a contrasting colour, or on skin as a tattoo."""
    if rng.random() < 0.25:
        level, warm = rng.uniform(60, 235), rng.uniform(0.6, 0.85)
        skin = np.array([level * warm * 0.9, level * warm, level]) / 255
        shade = 1 + 0.3 * np.linspace(-1, 1, ink.shape[1])[None, :, None] * rng.normal(0, 1)
        mixed = skin * shade * (1 - ink[..., None] * rng.uniform(0.4, 0.9))
        return np.clip(mixed * 255, 0, 255).astype(np.uint8)
    paper, pen = rng.uniform(0.6, 1.0, 3), rng.uniform(0.0, 0.45, 3)
    if rng.random() < 0.25:
        paper, pen = pen, paper
    mixed = paper + ink[..., None] * (pen - paper)
    return np.clip(mixed * 255, 0, 255).astype(np.uint8)


def _edges(grey: np.ndarray, width: float) -> np.ndarray:
    """Dark lines as a difference of two Gaussians, 0..1."""
    fine, coarse = cv2.GaussianBlur(grey, (0, 0), width), cv2.GaussianBlur(grey, (0, 0), 2 * width)
    return np.clip((coarse - fine) * 14, 0, 1)


def _lines(picture: Image, rng: np.random.Generator) -> Image:
    """A line drawing, with hatched or without shadows."""
    grey = _grey(picture)
    ink = _edges(grey, float(rng.uniform(0.7, 1.8)))
    if rng.random() < 0.5:
        y, x = np.mgrid[: grey.shape[0], : grey.shape[1]]
        angle, period = rng.uniform(0, np.pi), rng.uniform(2.5, 6.0)
        wave = 0.5 + 0.5 * np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
        shadow = np.clip(float(rng.uniform(0.4, 0.7)) - cv2.GaussianBlur(grey, (0, 0), 2.0), 0, 1)
        ink = np.maximum(ink, wave * np.clip(shadow * 4, 0, 1))
    return _on_paper(ink, rng)


def _cartoon(picture: Image, rng: np.random.Generator) -> Image:
    """A few flat colours with dark outlines."""
    smooth = picture
    for _ in range(3):
        smooth = cv2.bilateralFilter(smooth, 7, 40, 5)
    levels = int(rng.integers(2, 5))
    hsv = cv2.cvtColor(smooth, cv2.COLOR_BGR2HSV).astype(np.float32)
    hsv[..., 0] = (np.round(hsv[..., 0] / 20) * 20 + rng.uniform(0, 180)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.8, 2.0), 0, 255)
    hsv[..., 2] = np.clip((np.round(hsv[..., 2] / 255 * levels) / levels) * 255, 0, 255)
    flat = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
    ink = _edges(_grey(picture), float(rng.uniform(0.8, 1.5)))
    return (flat * (1 - ink[..., None])).astype(np.uint8)


def _stencil(picture: Image, rng: np.random.Generator) -> Image:
    """Two colours, as prints and tattoos have."""
    grey = cv2.GaussianBlur(_grey(picture), (0, 0), float(rng.uniform(0.8, 2.0)))
    local = cv2.GaussianBlur(grey, (0, 0), float(rng.uniform(8, 20)))
    ink = np.clip((local - grey - float(rng.uniform(-0.03, 0.03))) * 40 + 0.5, 0, 1)
    return _on_paper(ink, rng)


def _relief(picture: Image, rng: np.random.Generator) -> Image:
    """Metal or stone lit from the side, as on coins and emblems."""
    grey = cv2.GaussianBlur(_grey(picture), (0, 0), float(rng.uniform(1.0, 2.0)))
    angle = rng.uniform(0, 2 * np.pi)
    slope = cv2.Sobel(grey, -1, 1, 0) * np.cos(angle) + cv2.Sobel(grey, -1, 0, 1) * np.sin(angle)
    light = 0.5 + slope * float(rng.uniform(1.5, 4.0))
    colour = rng.uniform(0.4, 1.0) * np.array([1.0, 1.0, 1.0]) * rng.uniform(0.7, 1.2, 3)
    return np.clip(light[..., None] * colour * 255, 0, 255).astype(np.uint8)
