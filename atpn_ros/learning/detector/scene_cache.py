# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stores composed scenes on disk, so that each can be used in several training steps.

One process or more compose scenes into a folder for as long as a training runs; the training takes
what is there, and looks at each scene several times, each time moved, scaled and lit otherwise.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.learning.data.checks import DataError, stored_arrays
from atpn_ros.learning.detector.scene_composer import Crowds
from atpn_ros.learning.detector.scenes import Scene
from atpn_ros.types import Floats, Image

SHARD = 100
"""Scenes in a file."""
_QUALITY = 94
_NEW = 2000
"""Half of the training samples are of this many newest scenes, which contain late mistakes."""


def write_shard(path: Path, scenes: list[Scene]) -> None:
    """Write scenes atomically."""
    coded = [cv2.imencode(".jpg", s.image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1] for s in scenes]
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        bytes=np.concatenate([c.ravel() for c in coded]),
        sizes=np.array([c.size for c in coded]),
        boxes=np.concatenate([s.boxes for s in scenes]),
        counts=np.array([len(s.boxes) for s in scenes]),
        ignored=np.concatenate([s.ignored for s in scenes]),
        left_out=np.array([len(s.ignored) for s in scenes]),
    )
    part.replace(path)


def read_shard(path: Path) -> list[tuple[Floats, Floats, Floats]]:
    """Coded picture, (K, 4) boxes and (L, 4) ignored boxes of each scene.

    Raises:
        DataError: The file is damaged.
    """
    try:
        values = stored_arrays(path)
        pictures = np.split(values["bytes"], np.cumsum(values["sizes"])[:-1])
        boxes = np.split(values["boxes"], np.cumsum(values["counts"])[:-1])
        ignored = np.split(values["ignored"], np.cumsum(values["left_out"])[:-1])
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not scenes: {error}") from error
    return list(zip(pictures, boxes, ignored, strict=True))


def compose(
    crowds: Crowds, folder: Path, seed: int, numbers: Iterable[int],
    go_on: Callable[[], bool] = lambda: True,
) -> bool:  # fmt: skip
    """Write the shards of some numbers that are not there yet; returns whether all are.

    Args:
        crowds: Makes the scenes.
        folder: Of the shards.
        seed: With a shard's number, of its scenes.
        numbers: Of the shards.
        go_on: Asked before each shard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = folder / f"scenes-{number:05d}.npz"
        if path.exists():
            continue
        if not go_on():
            return False
        rng = np.random.default_rng((seed, number))
        write_shard(path, [crowds.scene(rng) for _ in range(SHARD)])
    return True


class Pool:
    """The scenes of a folder that grows.

    Args:
        folder: Where shards appear.
        size: Width and height of the scenes that :meth:`draw` gives, pixels.
    """

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        self._folder, self._size = folder, size
        self._known: set[str] = set()
        self._scenes: list[tuple[Floats, Floats, Floats]] = []

    def look(self) -> int:
        """Take up new files; returns how many scenes there are."""
        for path in sorted(self._folder.glob("scenes-*.npz")):
            if path.name not in self._known and not path.name.endswith(".part.npz"):
                self._known.add(path.name)
                self._scenes += read_shard(path)
        return len(self._scenes)

    def draw(self, rng: np.random.Generator) -> Scene:
        """A scene by chance, varied."""
        first = max(0, len(self._scenes) - _NEW) if rng.random() < 0.5 else 0
        coded, boxes, ignored = self._scenes[int(rng.integers(first, len(self._scenes)))]
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
        return vary(rng, Scene(image, boxes, ignored), self._size)


_LOST, _PART = 0.7, 0.4
"""Share of a box beyond the border from which a face is dropped, or ignored by the loss."""


def vary(rng: np.random.Generator, scene: Scene, size: tuple[int, int]) -> Scene:
    """A part of a scene, a little scaled, mirrored or not, in other light."""
    width, height = size
    have = np.array(scene.image.shape[1::-1], float)
    scale = float(np.exp(rng.uniform(np.log(0.84), np.log(1.25))))
    scale = max(scale, float((np.array(size) / have).max()))
    slack = np.maximum(have * scale - size, 0)
    x, y = rng.random(2) * slack
    flip = -1.0 if rng.random() < 0.5 else 1.0
    shift = np.array([-x if flip > 0 else x + width - 1, -y])
    matrix = np.array([[flip * scale, 0, shift[0]], [0, scale, shift[1]]])
    image = cv2.warpAffine(scene.image, matrix, size, flags=cv2.INTER_LINEAR)
    image = _relit(rng, np.asarray(image, np.uint8))
    boxes = _moved(scene.boxes, flip, scale, shift)
    ignored = _moved(scene.ignored, flip, scale, shift)
    lost = 1 - _inside(boxes, width, height)
    kept = boxes[lost < _PART]
    return Scene(image, kept, np.concatenate([ignored, boxes[(lost >= _PART) & (lost < _LOST)]]))


def _moved(boxes: Floats, flip: float, scale: float, shift: Floats) -> Floats:
    if not len(boxes):
        return np.zeros((0, 4), np.float32)
    x = boxes[:, [0, 2]] * (flip * scale) + shift[0]
    y = boxes[:, [1, 3]] * scale + shift[1]
    return np.stack([x.min(1), y[:, 0], x.max(1), y[:, 1]], axis=1).astype(np.float32)


def _inside(boxes: Floats, width: int, height: int) -> Floats:
    """(K,) share of each box that lies in the picture."""
    low, high = np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, 2:], (width, height))
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return np.asarray(np.clip(high - low, 0, None).prod(1) / np.maximum(area, 1e-6))


def _relit(rng: np.random.Generator, image: Image) -> Image:
    """Other brightness, contrast and colour by one table a channel; or grey."""
    if rng.random() < 0.14:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        tint = np.exp(rng.normal(0, 0.04, 3)) if rng.random() < 0.3 else np.ones(3)
    else:
        coloured = rng.random() < 0.07  # as on a stage
        tint = np.exp(rng.normal(0, 0.4 if coloured else 0.07, 3))
    level = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.2))
    contrast, middle = np.exp(rng.normal(0, 0.15)), rng.uniform(0.3, 0.6)
    table = ((level - middle) * contrast + middle) * tint * np.exp(rng.normal(0, 0.1)) * 255
    return np.asarray(cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)
