# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures without faces, for training and evaluating: panoramas and photographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.held_out import background_is_held_out
from atpn_ros.learning.data.labelled_face import ImageFile
from atpn_ros.types import Image


def load_panoramas(folder: Path) -> list[Image]:
    """Every ``.hdr`` panorama of a folder, tone-mapped to 8 bits twice: dim and bright.

    Raises:
        DataError: There is none, or one cannot be read.
    """
    paths = sorted(folder.glob("*.hdr"))
    if not paths:
        raise DataError(f"{folder}: holds no .hdr panorama")
    pictures = []
    for path in paths:
        light = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if light is None:
            raise DataError(f"{path}: cannot be read")
        scaled = light / max(float(np.median(light)), 1e-6)
        pictures += [
            np.clip((scaled * grey) ** (1 / 2.2) * 255, 0, 255).astype(np.uint8)
            for grey in (0.1, 0.25)
        ]
    return pictures


def square_views(pictures: Sequence[Image], count: int) -> list[Image]:
    """``count`` square pieces of pictures, the same in every run.

    Sides are between an eighth and a half of the picture's height.
    """
    rng = np.random.default_rng(0)
    out = []
    for i in range(count):
        picture = pictures[i % len(pictures)]
        height, width = picture.shape[:2]
        side = max(1, int(height * rng.uniform(0.125, 0.5)))
        x, y = (int(rng.integers(0, length - side + 1)) for length in (width, height))
        out.append(picture[y : y + side, x : x + side])
    return out


def without_faces(folder: Path, held_out: bool) -> Iterator[tuple[str, Image]]:
    """Names and pictures of ``nofaces`` in the training set, or the held-out ones.

    Raises:
        DataError: A picture cannot be read.
    """
    for i, path in enumerate(sorted((folder / "images").iterdir())):
        if background_is_held_out(i) == held_out:
            yield path.name, ImageFile(path).read()


def random_background(
    pictures: Sequence[Image], height: int, width: int, rng: np.random.Generator
) -> Image:
    """A random part of a random picture, resized to (height, width, 3)."""
    picture = pictures[int(rng.integers(len(pictures)))]
    full_height, full_width = picture.shape[:2]
    most = min(full_height / height, full_width / width)
    scale = most * float(np.exp(rng.uniform(np.log(0.3), 0.0)))
    h, w = max(2, int(height * scale)), max(2, int(width * scale))
    y, x = int(rng.integers(0, full_height - h + 1)), int(rng.integers(0, full_width - w + 1))
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    resized = cv2.resize(picture[y : y + h, x : x + w], (width, height), interpolation=way)
    return np.asarray(resized, np.uint8)
