# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stores people who were cut out of photographs, with their landmarks, in one file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError, stored_arrays
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class Cutout:
    """A person cut out of a photograph.

    Attributes:
        sprite: The whole photograph; its opacity is 255 on the person.
        landmarks: (98, 2) pixels of it, WFLW order.
        name: Set and file of the photograph, such as ``faces_london/001_03.jpg``.
        held_out: Whether the person is held out from training.
    """

    sprite: Sprite
    landmarks: Floats
    name: str
    held_out: bool


def save_cutouts(path: Path, cutouts: Iterable[Cutout]) -> int:
    """Write cut-outs atomically; returns how many."""
    rows = list(cutouts)
    with atomic_replace(path) as part:
        np.savez(
            part,
            names=np.array([c.name for c in rows]),
            held_out=np.array([c.held_out for c in rows], bool),
            shapes=np.array([c.sprite.image.shape for c in rows]),
            pixels=np.concatenate([c.sprite.image.ravel() for c in rows]),
            outlines=np.stack([c.sprite.outline for c in rows]),
            landmarks=np.stack([c.landmarks for c in rows]),
        )
    return len(rows)


def load_cutouts(path: Path, held_out: bool) -> list[Cutout]:
    """The cut-outs of the training set, or the held-out ones.

    Raises:
        DataError: The file is missing or damaged.
    """
    try:
        v = stored_arrays(path)
        ends = np.cumsum(v["shapes"].prod(1))
        images = np.split(v["pixels"], ends[:-1])
        return [
            Cutout(Sprite(pixels.reshape(shape), outline), points, str(name), bool(held))
            for pixels, shape, outline, points, name, held in zip(
                images,
                v["shapes"],
                v["outlines"],
                v["landmarks"],
                v["names"],
                v["held_out"],
                strict=True,
            )
            if held == held_out
        ]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: no cut-outs: {error}") from error
