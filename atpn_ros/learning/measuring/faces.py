# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The labelled faces that models are measured on: photographs and renders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.learning.datasets.record import DataError
from atpn_ros.learning.measuring.points import IBUG68, WFLW98, Layout
from atpn_ros.measure import OPEN
from atpn_ros.types import Box, Floats, Image

_FACING_AWAY = 0.17
"""z of the head's x axis: above it (100 degrees) one sees the back of a head."""


@dataclass(frozen=True, slots=True)
class Face:
    """One labelled face; what a set does not say is None.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        points: (layout.count, 2) pixels.
        layout: What the points are.
        name: For messages.
        subset: Which part of the set it is from.
        detection: A real detector's box.
        rotation: (3, 3) head to the crop's own camera.
        gaze: (2, 3) unit directions of the right and left eye there.
        eyes_open: Whether each eye is open enough to be seen looking.
        tone: Skin tone bin, 0 light to 5 dark.
    """

    image: Image
    points: Floats
    layout: Layout
    name: str
    subset: str = ""
    detection: Box | None = None
    rotation: Floats | None = None
    gaze: Floats | None = None
    eyes_open: tuple[bool, bool] = (True, True)
    tone: int | None = None


@dataclass(frozen=True, slots=True)
class Renders:
    """Rendered faces, and rendered pictures that hold none."""

    faces: list[Face]
    empty: list[Image]


def photographs(folder: Path, split: str) -> list[Face]:
    """Faces of a split of a folder with ``labels.json`` (68 points each) and ``images/``.

    Raises:
        DataError: A file is missing, cannot be read, or a field is not what it should be.
    """
    path = folder / "labels.json"
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: expected a list of faces")
    wanted = [row for row in rows if row.get("split") == split]
    if not wanted:
        raise DataError(f"{path}: split: no face of {split!r}")
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda row: _photograph(folder, row), wanted))


def _photograph(folder: Path, row: dict[str, Any]) -> Face:
    name = str(row.get("file"))
    where = f"{folder / 'labels.json'}: {name}"
    image = cv2.imread(str(folder / "images" / name))
    if image is None:
        raise DataError(f"{where}: file: images/{name} is missing or not an image")
    points = _numbers(row.get("landmarks68"), (68, 2), f"{where}: landmarks68")
    found, box = row.get("face_box_xywh_score"), None
    if found is not None:
        x, y, w, h = _numbers(found[:4], (4,), f"{where}: face_box_xywh_score")
        box = Box.from_xyxy(float(x), float(y), float(x + w), float(y + h))
    return Face(np.asarray(image, np.uint8), points, IBUG68, name, str(row.get("subset", "")), box)


def renders(folder: Path) -> Renders:
    """All samples of a folder of tar shards, as ``atpn synth --shards`` writes them, or of several.

    Left out are backs of heads and faces that are mostly outside their picture: neither there nor
    not there.

    Raises:
        DataError: There is none, or a field is not what it should be.
        ArchiveError: The shards are not what their checksums say.
    """
    from atpn_ros.learning.synth import archive

    faces, empty = [], []
    # A folder of archives is as good as one.
    inner = sorted(p.parent for p in folder.glob("*/SHA256SUMS"))
    archives = inner if inner and not (folder / "SHA256SUMS").is_file() else [folder]
    for part, (image, record) in ((a, sample) for a in archives for sample in archive.read(a)):
        where = f"{part}: sample {record.get('index')}"
        if record.get("face") is None:
            empty.append(image)
        else:
            face = _render(image, record["face"], where)
            if _shown(face):
                faces.append(face)
    if not faces:
        raise DataError(f"{folder}: holds no shard of rendered faces")
    return Renders(faces, empty)


def views(pictures: Sequence[Image], count: int) -> list[Image]:
    """Square pieces of pictures that hold no face, the same in every run.

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


def _render(image: Image, face: dict[str, Any], where: str) -> Face:
    rotation = _numbers(face.get("crop_rotation"), (3, 3), f"{where}: crop_rotation")
    in_camera = _numbers(face.get("rotation"), (3, 3), f"{where}: rotation")
    gaze = _numbers(face.get("gaze"), (2, 3), f"{where}: gaze")
    lids = _numbers(face.get("eyes_open"), (2,), f"{where}: eyes_open")
    return Face(
        image,
        _numbers(face.get("landmarks98"), (98, 2), f"{where}: landmarks98"),
        WFLW98,
        where,
        rotation=rotation,
        # The picture's camera and the crop's own differ by the ray to the face.
        gaze=gaze @ (rotation @ in_camera.T).T,
        eyes_open=(bool(lids[0] > OPEN), bool(lids[1] > OPEN)),
        tone=int(face["tone"]) if face.get("tone") is not None else None,
    )


def _shown(face: Face) -> bool:
    """Whether one sees the face rather than the back of the head, and most of it."""
    height, width = face.image.shape[:2]
    inside = (face.points > -0.5).all(axis=1) & (face.points < (width, height)).all(axis=1)
    ahead = face.rotation is None or float(face.rotation[2, 0]) < _FACING_AWAY
    return ahead and float(inside.mean()) >= 0.5


def _numbers(values: object, shape: tuple[int, ...], where: str) -> Floats:
    try:
        out = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: not numbers: {error}") from error
    if out.shape != shape:
        raise DataError(f"{where}: has shape {out.shape}, expected {shape}")
    if not np.isfinite(out).all():
        raise DataError(f"{where}: holds a number that is not finite")
    return out
