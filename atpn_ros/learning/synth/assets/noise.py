# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Procedural noise textures for pores, hair and backgrounds."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.types import Floats, Image


def smooth(rng: np.random.Generator, height: int, width: int, cells: float) -> Floats:
    """(H, W) smooth noise in 0..1 with about ``cells`` lumps across; tiles."""
    h, w = max(2, round(cells * height / width)), max(2, round(cells))
    coarse = rng.random((h, w)).astype(np.float32)
    tiled = np.pad(coarse, 2, mode="wrap")
    scale = (width / w, height / h)
    warp = np.array(
        [[1 / scale[0], 0, 1.5 + 0.5 / scale[0]], [0, 1 / scale[1], 1.5 + 0.5 / scale[1]]]
    )
    out = cv2.warpAffine(tiled, warp, (width, height), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    return np.clip(out, 0, 1)


def fractal(rng: np.random.Generator, height: int, width: int, cells: float, steps: int) -> Floats:
    """(H, W) a sum of ever finer noise in 0..1; tiles."""
    out = np.zeros((height, width), np.float32)
    for i in range(steps):
        out += smooth(rng, height, width, cells * 2**i) * 0.5**i
    low, high = float(out.min()), float(out.max())
    return (out - low) / max(high - low, 1e-9)


def noise_texture(side: int = 256) -> Image:
    """(S, S, 4) uint8: pores, shine, coarse patches, hair."""
    rng = np.random.default_rng(20)
    planes = [
        fractal(rng, side, side, 40, 3), fractal(rng, side, side, 8, 4),
        rng.random((side, side)).astype(np.float32), rng.random((side, side)).astype(np.float32),
    ]  # fmt: skip
    wrapped = cv2.GaussianBlur(np.pad(planes[2], 4, mode="wrap"), (0, 0), 0.8)
    planes[2] = np.asarray(wrapped[4:-4, 4:-4], np.float32)
    low, high = planes[2].min(), planes[2].max()
    planes[2] = (planes[2] - low) / (high - low)
    return np.round(np.stack(planes, axis=-1) * 255).astype(np.uint8)
