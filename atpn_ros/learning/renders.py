# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered faces as the trainer wants them, from the shards that ``atpn synth --shards`` writes."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.learning.data import DataError, Sample
from atpn_ros.measure import OPEN
from atpn_ros.types import Floats

FACING_AWAY = 0.17
"""z of the head's x axis in its own camera: above it (100 degrees) one sees the back of a head."""


def load_renders(folder: Path) -> list[Sample]:
    """All faces of a folder's shards, and of its sub-folders', by name.

    Pictures without a face, or with the back of a head, are left out.

    Raises:
        DataError: There is none, or one is damaged; names the file and the field.
    """
    paths = sorted(folder.rglob("shard-*.tar"))
    if not paths:
        raise DataError(f"{folder}: holds no shard of renders (shard-*.tar)")
    with ThreadPoolExecutor(2) as pool:
        return [sample for part in pool.map(_load_shard, paths) for sample in part]


def _load_shard(path: Path) -> list[Sample]:
    out = []
    try:
        for name, picture, record in _members(path):
            face = record["face"]
            if face is None or face["crop_rotation"][2][0] > FACING_AWAY:
                continue  # nobody, or the back of a head
            image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
            if image is None:
                raise DataError(f"{path}: {name}.png: not an image")
            out.append(_sample(f"{path}: {name}.json", np.asarray(image, np.uint8), face))
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: not a shard of renders: {error!r}") from error
    return out


def _members(path: Path) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Name, PNG bytes and labels of each sample."""
    with tarfile.open(path) as tar:
        picture = b""
        for member in tar:
            file = tar.extractfile(member)
            data = b"" if file is None else file.read()
            if member.name.endswith(".png"):
                picture = data
            else:
                yield Path(member.name).stem, picture, json.loads(data)


def _sample(name: str, image: Any, face: dict[str, Any]) -> Sample:
    landmarks = _numbers(name, face, "landmarks98", (98, 2))
    in_crop = _numbers(name, face, "crop_rotation", (3, 3))
    in_camera = _numbers(name, face, "rotation", (3, 3))
    # From the picture's camera to one that looks straight at the face, as its crop does.
    gaze = _numbers(name, face, "gaze", (2, 3)) @ (in_crop @ in_camera.T).T
    gaze /= np.linalg.norm(gaze, axis=1, keepdims=True)
    right, left = _numbers(name, face, "eyes_open", (2,)) > OPEN
    return Sample(
        image, landmarks, np.ones(98), in_crop, None, name, gaze, (float(right), float(left)),
        tone=int(face["tone"]),
    )  # fmt: skip


def _numbers(name: str, face: dict[str, Any], field: str, shape: tuple[int, ...]) -> Floats:
    values = np.asarray(face[field], np.float64)
    if values.shape != shape or not np.isfinite(values).all():
        raise DataError(f"{name}: {field}: not {shape} finite numbers")
    return values
