# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Photographs with 68 clicked points and a detector's box: ``labels.json`` beside ``images/``."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.learning.data.datasets.record import DataError, numbers
from atpn_ros.types import Box, Floats, Image


@dataclass(frozen=True, slots=True)
class Labelled:
    """One face as it was clicked.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        points: (68, 2) iBUG points, pixels, the first pixel's centre at (0, 0).
        detection: A real detector's box, or None.
        name: The picture's file.
        subset: Which part of the set it is from.
    """

    image: Image
    points: Floats
    detection: Box | None
    name: str
    subset: str


def read_labelled(folder: Path, split: str) -> list[Labelled]:
    """Read the faces of a split, pictures and all.

    Raises:
        DataError: A file is missing, cannot be read, or a field is not what it should be; names
            both.
    """
    path = folder / "labels.json"
    try:
        rows = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{path}: expected a list of faces")
    for row in rows:  # without one a face would be left out, and nobody told
        if not isinstance(row.get("split"), str):
            raise DataError(f"{path}: {row.get('file')}: split: expected a word")
    wanted = [row for row in rows if row["split"] == split]
    if not wanted:
        raise DataError(f"{path}: split: no face of {split!r}")
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda row: _read(folder, row), wanted))


def _read(folder: Path, row: dict[str, Any]) -> Labelled:
    name = str(row.get("file"))
    where = f"{folder / 'labels.json'}: {name}"
    path = folder / "images" / name
    # OpenCV would print a line of its own for a file that is not there.
    image = cv2.imread(str(path)) if path.is_file() else None
    if image is None:
        raise DataError(f"{where}: file: images/{name} is missing or not an image")
    points = numbers(row.get("landmarks68"), (68, 2), f"{where}: landmarks68")
    found, box = row.get("face_box_xywh_score"), None
    if found is not None:
        x, y, w, h, _ = (float(v) for v in numbers(found, (5,), f"{where}: face_box_xywh_score"))
        box = Box.from_xyxy(x, y, x + w, y + h)
    return Labelled(np.asarray(image, np.uint8), points, box, name, str(row.get("subset", "")))
