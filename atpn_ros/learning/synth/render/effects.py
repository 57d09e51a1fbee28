# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Applies lens and sensor effects to a rendered picture: blur, exposure, noise, JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.learning.synth.scene.description import Effects
from atpn_ros.types import Floats, Image


def apply(picture: Image, size: tuple[int, int], effects: Effects) -> Image:
    """(H, W, 3) uint8 BGR of a drawn (h, w, 3) uint8 RGB picture of any size.

    Nothing here moves a point: blurs are centred, and enlarging keeps pixel centres.
    """
    rng = np.random.default_rng(effects.seed)
    width, height = size
    small = (max(8, round(width / effects.shrink)), max(8, round(height / effects.shrink)))
    image = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8)
    image = _blurred(image, effects, small[0] / width)
    light = image.astype(np.float32) * np.asarray(effects.gain, np.float32)
    if effects.contrast != 1.0 or effects.saturation != 1.0:
        mean = light.mean(axis=-1, keepdims=True)
        light = mean + (light - mean) * np.float32(effects.saturation)
        light = 118 + (light - 118) * np.float32(effects.contrast)
    if effects.vignette:
        light *= _vignette(small, effects.vignette)[..., None]
    if effects.shot_noise or effects.read_noise:
        spread = np.sqrt(np.maximum(light, 0) * effects.shot_noise**2 + effects.read_noise**2)
        light = light + rng.standard_normal(light.shape, np.float32) * spread
    out = np.clip(light, 0, 255).astype(np.uint8)
    if small != size:
        out = np.asarray(cv2.resize(out, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    out = out[..., ::-1]
    if effects.grey:
        grey = cv2.cvtColor(out, cv2.COLOR_BGR2GRAY)
        out = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    if effects.jpeg:
        coded = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, effects.jpeg])[1]
        out = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(out, np.uint8)


def _blurred(image: Image, effects: Effects, scale: float) -> Image:
    length = float(np.hypot(*effects.motion)) * scale
    if length > 1.0:
        kernel = _streak(effects.motion, scale)
        image = np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)
    if effects.defocus * scale > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), effects.defocus * scale), np.uint8)
    return image


def _streak(motion: tuple[float, float], scale: float) -> Floats:
    """A line through the kernel's centre."""
    half = np.asarray(motion) * scale / 2
    reach = int(np.ceil(np.abs(half).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    steps = np.linspace(-1, 1, 8 * reach + 1)
    for x, y in steps[:, None] * half + reach:
        kernel[round(y), round(x)] += 1
    kernel += kernel[::-1, ::-1]  # symmetric, so that nothing moves
    return np.asarray(kernel / kernel.sum())


def _vignette(size: tuple[int, int], strength: float) -> Floats:
    x = np.linspace(-1, 1, size[0], dtype=np.float32)
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    return np.asarray(1 - np.float32(strength) * (x * x + y * y) / 2)
