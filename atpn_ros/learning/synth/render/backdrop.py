# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Renders the background of a scene: a view of its panorama, or a procedural picture."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.learning.synth.assets import noise, panoramas
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.scene.description import Backdrop, Scene
from atpn_ros.types import Image


def render(assets: Assets, scene: Scene, scale: float = 1.0) -> Image:
    """(h, w, 3) uint8 RGB, ``scale`` pixels per pixel of the scene's camera."""
    camera, backdrop = scene.camera, scene.backdrop
    size = (max(8, round(camera.width * scale)), max(8, round(camera.height * scale)))
    if backdrop.kind == "panorama":
        # A face's window may be as narrow as a telephoto lens; the panorama's pixels are wide.
        # Behind a face any direction is as good, so a wider view is shown.
        wide = max(camera.fx / camera.width / 1.2, 1.0)
        matrix = camera.matrix.copy()
        matrix[0] *= size[0] / camera.width
        matrix[1] *= size[1] / camera.height
        matrix[0, 0] /= wide
        matrix[1, 1] /= wide
        matrix[0, 2] = size[0] / 2 + (matrix[0, 2] - size[0] / 2) / wide
        matrix[1, 2] = size[1] / 2 + (matrix[1, 2] - size[1] / 2) / wide
        panorama = assets.panoramas[scene.light.panorama]
        image = panoramas.view(panorama, scene.light.rotation, matrix, size)
        gain = np.clip(np.asarray(scene.light.strength, np.float32), 0.25, 1.5)
        image = np.clip(image.astype(np.float32) * gain, 0, 255).astype(np.uint8)
    else:
        image = made(backdrop, size)
    blur = scene.effects.background_blur * scale
    return np.asarray(cv2.GaussianBlur(image, (0, 0), blur) if blur > 0.4 else image)


def made(backdrop: Backdrop, size: tuple[int, int]) -> Image:
    """(h, w, 3) uint8 RGB of a procedural background."""
    rng = np.random.default_rng(backdrop.seed)
    first, second = (np.asarray(c, np.float32) for c in backdrop.colours)
    width, height = size
    if backdrop.kind == "plain":
        t = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        image = np.broadcast_to(first + (second - first) * t, (height, width, 3))
    else:
        steps = 2 if backdrop.kind == "shapes" else int(rng.integers(2, 6))
        t = noise.fractal(rng, height, width, float(rng.uniform(1.5, 6)), steps)[..., None]
        image = first + (second - first) * t
    out = np.round(np.clip(image, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    if backdrop.kind == "shapes":
        out = np.ascontiguousarray(out)
        for _ in range(int(rng.integers(3, 14))):
            _shape(rng, out)
    return np.asarray(out, np.uint8)


def _shape(rng: np.random.Generator, image: Image) -> None:
    h, w = image.shape[:2]
    colour = tuple(int(c) for c in rng.integers(0, 256, 3))
    a, b = (tuple(int(v) for v in rng.uniform(-0.2, 1.2, 2) * (w, h)) for _ in range(2))
    kind = int(rng.integers(4))
    if kind == 0:
        cv2.rectangle(image, a, b, colour, -1)
    elif kind == 1:
        axes = tuple(int(v) for v in rng.uniform(0.03, 0.4, 2) * w)
        cv2.ellipse(image, a, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
    elif kind == 2:
        cv2.line(image, a, b, colour, int(rng.uniform(1, 0.12 * w)) + 1, cv2.LINE_AA)
    else:
        points = (rng.uniform(-0.1, 1.1, (4, 2)) * (w, h)).astype(np.int32)
        cv2.fillPoly(image, [points], colour, cv2.LINE_AA)
