# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mines hard negatives: false detections in images without faces, for later scenes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.detectors import Detector
from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.detector.sprite_augmentation import window
from atpn_ros.types import Box, Image

_ROOM = 3.0
"""Side of the cut-out square, over that of the detection: it includes the surroundings."""
_MOST_SIDE = 192
_WIDTH = 448


@dataclass(frozen=True, slots=True)
class Mined:
    """A false detection.

    Attributes:
        image: (S, S, 3) uint8 BGR, the find in its middle.
        box: The find, pixels of ``image``.
        score: The detector's.
    """

    image: Image
    box: Box
    score: float


def mine(
    detector: Detector, views: Iterable[Image], rng: np.random.Generator, parts: int = 4,
    most: int = 6,
) -> Iterator[Mined]:  # fmt: skip
    """The detections with the highest scores of each picture, whole and in parts.

    Args:
        detector: Whose false detections are mined, with a low score threshold.
        views: Pictures without a face.
        rng: Chooses the parts.
        parts: Windows of each picture that are looked at, beside the whole.
        most: Finds that are taken of each window.
    """
    for view in views:
        whole = view if view.shape[1] <= _WIDTH * 2 else _narrow(view, _WIDTH * 2)
        for part in [whole, *(window(rng, view, 4 / 3, 0.2) for _ in range(parts))]:
            image = np.ascontiguousarray(part)
            if image.shape[1] < _WIDTH:
                image = _narrow(image, _WIDTH)
            for find in detector.detect(image)[:most]:
                yield cut_find(image, find.box, find.score)


def cut_find(image: Image, box: Box, score: float) -> Mined:
    """A detection with its surroundings; beyond the picture, its border is repeated."""
    side = max(8.0, (box.width * box.height) ** 0.5) * _ROOM
    scale = min(1.0, _MOST_SIDE / side)
    size = max(16, round(side * scale))
    half = (size - 1) / 2
    matrix = np.array([[scale, 0, half - box.cx * scale], [0, scale, half - box.cy * scale]])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    cut = cv2.warpAffine(image, matrix, (size, size), flags=way, borderMode=cv2.BORDER_REPLICATE)
    moved = Box(half, half, box.width * scale, box.height * scale)
    return Mined(np.asarray(cut, np.uint8), moved, score)


def write_mined(path: Path, mined: list[Mined]) -> None:
    """Write mistakes atomically."""
    with atomic_replace(path) as part:  # processes that compose scenes read the folder meanwhile
        np.savez(
            part,
            sides=np.array([len(m.image) for m in mined], int),
            pixels=np.concatenate([m.image.ravel() for m in mined] or [np.zeros(0, np.uint8)]),
            boxes=np.array([(m.box.width, m.box.height, m.score) for m in mined]).reshape(-1, 3),
        )


def read_mined(path: Path) -> list[Mined]:
    """Mistakes of a file.

    Raises:
        DataError: It is missing or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            sides, pixels, boxes = (stored[k] for k in ("sides", "pixels", "boxes"))
        cuts = np.split(pixels, np.cumsum(sides * sides * 3)[:-1]) if len(sides) else []
        return [
            Mined(cut.reshape(s, s, 3), Box((s - 1) / 2, (s - 1) / 2, float(w), float(h)), float(p))
            for cut, s, (w, h, p) in zip(cuts, sides.tolist(), boxes, strict=True)
        ]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: no mined detections: {error}") from error


def _narrow(image: Image, width: int) -> Image:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    way = cv2.INTER_AREA if image.shape[1] > width else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=way), np.uint8)
