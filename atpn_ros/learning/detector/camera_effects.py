# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Simulates lens, sensor and codec: blur, noise, low light and JPEG artefacts."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.types import Floats, Image


class Sensor:
    """Takes pictures of scenes; one field of noise, taken at other places, serves them all."""

    def __init__(self) -> None:
        self._noise = np.random.default_rng(0).standard_normal((640, 800, 3), np.float32)

    def take(self, rng: np.random.Generator, image: Image) -> Image:
        """The (H, W, 3) picture: blurred or sharpened, noisy, in other light, coded, or grey."""
        height, width = image.shape[:2]
        r = rng.random()
        if r < 0.17:
            image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.2)))
        elif r < 0.25:
            image = cv2.filter2D(image, -1, _smear(rng))
        elif r < 0.5:  # cameras sharpen, and so does shrinking
            soft = cv2.GaussianBlur(image, (0, 0), 1.0)
            image = cv2.addWeighted(image, 1 + (a := float(rng.uniform(0.3, 1.2))), soft, -a, 0)
        light = image.astype(np.float32)
        dark = rng.random() < 0.12
        level = rng.uniform(0.25, 0.7) if dark else np.exp(rng.normal(0, 0.12))
        light *= (level * np.exp(rng.normal(0, 0.05, 3))).astype(np.float32)
        if rng.random() < 0.5:
            y, x = int(rng.integers(640 - height + 1)), int(rng.integers(800 - width + 1))
            strength = np.float32(rng.uniform(0.5, 12 if dark else 6))
            light += self._noise[y : y + height, x : x + width] * strength
        out = np.clip(light, 0, 255).astype(np.uint8)
        if rng.random() < 0.35:
            quality = int(rng.integers(25, 90))
            coded = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            out = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        return np.asarray(out, np.uint8)


def _smear(rng: np.random.Generator) -> Floats:
    """A kernel of motion in some direction."""
    length = int(rng.integers(3, 7))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    reach = (length - 1) / 2
    step = np.array([np.cos(angle), np.sin(angle)]) * reach
    first, last = (tuple(round(float(v)) for v in reach + s * step) for s in (-1, 1))
    cv2.line(kernel, first, last, 1.0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)
