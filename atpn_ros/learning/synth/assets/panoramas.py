# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader for HDR panoramas, and their use as light (spherical harmonics) and background.

A panorama's frame is the camera's: x right, y down, z ahead; its middle column is ahead, its top
row is up (-y).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.types import Floats, Image

_SMALL = (64, 32)
_BANDS = np.array([np.pi] + [2 * np.pi / 3] * 3 + [np.pi / 4] * 5) / np.pi
"""What a cosine lobe leaves of each harmonic, over pi: a white Lambert surface."""


@dataclass(frozen=True, slots=True)
class Panorama:
    """One surrounding, brought to mean radiance 1.

    Attributes:
        small: (32, 64, 3) float32 linear RGB for lighting, with bright spots kept as energy.
        picture: (H, 2H, 3) uint8 RGB, exposed for viewing.
        sun: (3,) direction to the brightest spot.
        sun_colour: (3,) what that spot sends, as irradiance of a facing white surface.
    """

    small: Floats
    picture: Image
    sun: Floats
    sun_colour: Floats


def load_panoramas(folder: Path) -> tuple[Panorama, ...]:
    """All panoramas (*.hdr) of a folder, by name.

    Raises:
        AssetError: There is none, or one cannot be read.
    """
    files = sorted(folder.glob("*.hdr"))
    if not files:
        raise AssetError(f"{folder}: no panoramas (*.hdr)")
    return tuple(_load(path) for path in files)


def _load(path: Path) -> Panorama:
    raw = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 3 or raw.dtype != np.float32:
        raise AssetError(f"{path}: not a panorama that can be read")
    return prepare_panorama(np.asarray(raw[..., ::-1], np.float32))


def prepare_panorama(rgb: Floats) -> Panorama:
    """Prepare an (H, 2H, 3) linear RGB picture of all directions."""
    directions, areas = _grid(*_SMALL)
    small = np.asarray(cv2.resize(rgb, _SMALL, interpolation=cv2.INTER_AREA), np.float64)
    mean = float((small.mean(axis=-1) * areas).sum() / areas.sum())
    small = small / max(mean, 1e-9)
    luma = small.mean(axis=-1)
    peak = np.unravel_index(int(np.argmax(cv2.GaussianBlur(luma, (3, 3), 0))), luma.shape)
    sun = directions[peak]
    near = (directions @ sun) > np.cos(np.radians(14))
    rest = float(np.median(luma))
    over = np.where(near[..., None], np.maximum(small - rest * 4, 0), 0)
    colour = (over * areas[..., None]).sum(axis=(0, 1)) / np.pi
    view = cv2.resize(rgb, (768, 384), interpolation=cv2.INTER_AREA) / max(mean, 1e-9)
    view = 1 - np.exp(-0.7 * view)
    picture = np.round(np.clip(view, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    return Panorama((small - over).astype(np.float32), picture, sun, colour)


def _grid(width: int, height: int) -> tuple[Floats, Floats]:
    """(H, W, 3) unit directions of a panorama's pixels, and their (H, W) solid angles."""
    azimuth = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    polar = (np.arange(height) + 0.5) / height * np.pi
    s = np.sin(polar)[:, None]
    d = np.stack([s * np.sin(azimuth), np.broadcast_to(-np.cos(polar)[:, None], (height, width)),
                  s * np.cos(azimuth)], axis=-1)  # fmt: skip
    area = np.broadcast_to(s * (2 * np.pi / width) * (np.pi / height), (height, width))
    return d, np.asarray(area)


def harmonics(d: Floats) -> Floats:
    """(..., 9) real spherical harmonics of (..., 3) unit directions, bands 0 to 2."""
    x, y, z = d[..., 0], d[..., 1], d[..., 2]
    return np.stack(
        [np.full(x.shape, 0.282095), 0.488603 * y, 0.488603 * z, 0.488603 * x, 1.092548 * x * y,
         1.092548 * y * z, 0.315392 * (3 * z * z - 1), 1.092548 * x * z,
         0.546274 * (x * x - y * y)], axis=-1)  # fmt: skip


def radiance(panorama: Panorama, to_panorama: Floats) -> Floats:
    """(9, 3) harmonics of a panorama's light in a frame that ``to_panorama`` takes into its own."""
    directions, areas = _grid(_SMALL[0], _SMALL[1])
    y = harmonics(directions @ to_panorama)
    return np.asarray(np.einsum("hwk,hwc,hw->kc", y, panorama.small, areas))


def irradiance(light: Floats) -> Floats:
    """(9, 3) coefficients whose product with :func:`harmonics` is what a surface receives / pi."""
    return light * _BANDS[:, None]


def view(panorama: Panorama, rotation: Floats, camera: Floats, size: tuple[int, int]) -> Image:
    """The (H, W, 3) RGB background that a camera sees.

    Args:
        panorama: The surrounding.
        rotation: (3, 3) camera to panorama.
        camera: (3, 3) matrix for the given size.
        size: (width, height).
    """
    step = 4
    w, h = -(-size[0] // step) + 1, -(-size[1] // step) + 1
    u, v = np.meshgrid(np.arange(w) * step, np.arange(h) * step)
    d = np.stack([(u - camera[0, 2]) / camera[0, 0], (v - camera[1, 2]) / camera[1, 1],
                  np.ones(u.shape)], axis=-1) @ rotation.T  # fmt: skip
    height, width = panorama.picture.shape[:2]
    row = np.arccos(np.clip(-d[..., 1] / np.linalg.norm(d, axis=-1), -1, 1)) / np.pi * height
    column = np.arctan2(d[..., 0], d[..., 2]) / (2 * np.pi)
    # Unwrap around the middle, so that the coarse grid may be interpolated.
    column = (column - column[h // 2, w // 2] + 0.5) % 1.0 - 0.5 + column[h // 2, w // 2] + 0.5
    coarse = np.stack([column * width, row], axis=-1).astype(np.float32)
    full = cv2.resize(coarse, (w * step, h * step), interpolation=cv2.INTER_LINEAR)
    # cv2.resize puts coarse pixel centres half a step off.
    shift = (step - 1) // 2 + 1
    full = full[shift : shift + size[1], shift : shift + size[0]]
    full = cv2.resize(full, size) if full.shape[:2] != size[::-1] else full
    return np.asarray(
        cv2.remap(panorama.picture, full[..., 0] - 0.5, full[..., 1] - 0.5, cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_WRAP)
    )  # fmt: skip
