# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Gathers what scenes are made of from folders: sprites, kept renders, panoramas."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.learning.data import shards
from atpn_ros.learning.data.backgrounds import load_panoramas
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.detector import sprites
from atpn_ros.learning.detector.scenes import Material
from atpn_ros.learning.detector.sprites import BROWS, Sprite
from atpn_ros.types import Image

_SQUARE = 112
"""Kept renders are shrunk to this side: as many pixels as a face in a scene has at most."""
_SEEN = 0.3
"""Share of the landmarks that must be seen: about half of them are in a full profile."""
_LIGHTS_EVERY, _LIGHTS_AT = 6, 2
"""Which panoramas are held back: those that :func:`synth.assets.part_of` holds back."""


def gather(
    people: Path, renders: Path | None, panoramas: Path, held_back: bool, most: int = 25000
) -> Material:
    """Material of one share.

    Args:
        people: Folder of sprites.
        renders: Folder of tar shards as ``atpn synth --shards`` writes them, or of such folders.
        panoramas: Folder of ``.hdr`` files.
        held_back: Whether the panoramas that only measure are wanted, or those that teach.
        most: At most this many renders.

    Raises:
        DataError: Something is missing or damaged; names the file.
    """
    squares = list(itertools.islice(load_squares(renders), most)) if renders is not None else []
    views = load_panoramas(panoramas)
    # Two views of each panorama follow each other.
    chosen = [v for i, v in enumerate(views)
              if (i // 2 % _LIGHTS_EVERY == _LIGHTS_AT) == held_back]  # fmt: skip
    if not chosen:
        raise DataError(f"{panoramas}: too few panoramas to hold some back")
    drawn = sprites.load(people, "people-*.npz")
    return Material(drawn, sprites.load(people, "portraits.npz"), squares, chosen)


def load_squares(folder: Path) -> Iterator[Sprite]:
    """The renders of a folder, but those whose face is hidden.

    Raises:
        DataError: They cannot be read.
    """
    found = sorted({path.parent for path in folder.rglob("shard-*.tar")})
    if not found:
        raise DataError(f"{folder}: holds no shard of renders (shard-*.tar)")
    try:
        for part in found:
            for picture, record in shards.read(part):
                face = record["face"]
                if face is None or np.mean(face["visible98"]) >= _SEEN:
                    yield square(picture, record)
    except (shards.ShardError, KeyError, ValueError) as error:
        raise DataError(f"{folder}: no readable renders: {error}") from error


def square(picture: Image, record: dict[str, Any]) -> Sprite:
    """A kept render as a sprite without a cut-out."""
    small = cv2.resize(picture, (_SQUARE, _SQUARE), interpolation=cv2.INTER_AREA)
    image = np.dstack([small, np.full((_SQUARE, _SQUARE), 255, np.uint8)])
    face = record["face"]
    if face is None:
        return Sprite(image, None)
    camera, points = np.asarray(record["camera"]), np.asarray(face["points98"])
    raised = points[BROWS] + np.asarray(face["rotation"])[:, 2] * sprites.FOREHEAD_M
    flat = raised @ camera.T
    up = (flat[:, :2] / flat[:, 2:]).mean(0) - np.asarray(face["landmarks98"])[BROWS].mean(0)
    outline = sprites.outline(np.asarray(face["landmarks98"]), up)
    scale = _SQUARE / picture.shape[1]
    return Sprite(image, ((outline + 0.5) * scale - 0.5).astype(np.float32))
