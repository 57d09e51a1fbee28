# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of photographs with 68 annotated points and a detector's box (``labels.json``)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from atpn_ros.learning.data.checks import DataError, numbers
from atpn_ros.learning.data.labelled_face import ImageFile, LabelledFace
from atpn_ros.learning.data.layouts import IBUG68
from atpn_ros.types import Box


def read_photographs(folder: Path, split: str) -> list[LabelledFace]:
    """Read the faces of a split, pictures included.

    Args:
        folder: With ``labels.json`` and ``images/``.
        split: Of each row's field ``split``.

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
    for row in rows:  # without one a face would be left out silently
        if not isinstance(row.get("split"), str):
            raise DataError(f"{path}: {row.get('file')}: split: expected a word")
    wanted = [row for row in rows if row["split"] == split]
    if not wanted:
        raise DataError(f"{path}: split: no face of {split!r}")
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda row: _read(folder, row), wanted))


def _read(folder: Path, row: dict[str, Any]) -> LabelledFace:
    name = str(row.get("file"))
    where = f"{folder / 'labels.json'}: {name}"
    path = folder / "images" / name
    try:
        image = ImageFile(path).read()
    except DataError as error:
        raise DataError(f"{where}: file: images/{name} is missing or not an image") from error
    points = numbers(row.get("landmarks68"), (68, 2), f"{where}: landmarks68")
    found, box = row.get("face_box_xywh_score"), None
    if found is not None:
        x, y, w, h, _ = (float(v) for v in numbers(found, (5,), f"{where}: face_box_xywh_score"))
        box = Box.from_xyxy(x, y, x + w, y + h)
    subset = str(row.get("subset", ""))
    return LabelledFace(
        image,
        points,
        IBUG68,
        name,
        detection=box,
        brow_middles=True,
        tags=frozenset({subset} if subset else ()),
    )
