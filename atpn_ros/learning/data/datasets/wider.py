# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of WIDER FACE (Yang et al., CVPR 2016): face boxes in 12 880 + 3226 pictures.

Layout: ``WIDER_train/images``, ``WIDER_val/images`` and ``wider_face_split/*_bbx_gt.txt``: a
picture's name, how many faces, and a line each: x y w h blur expression illumination invalid
occlusion pose.
A picture without a face has one line of zeros.
"""

from __future__ import annotations

from pathlib import Path

from atpn_ros.learning.data.checks import (
    DataError,
    count_checked,
    folder_of,
    image_of,
    numbers_of,
    text_of,
)
from atpn_ros.learning.data.labelled_face import ImageFile, LabelledFace
from atpn_ros.types import Box

PUBLISHED = {"train": 12_880, "val": 3226}
"""Pictures."""

_FLAGS = ("blur", "expression", "illumination", "invalid", "occlusion", "pose")


def read_wider(root: Path, split: str, complete: bool = True) -> list[LabelledFace]:
    """Read the faces of ``train`` or ``val``; their tags are the flags that hold.

    A picture without a face gives one item with ``presence=False`` and no box.

    Raises:
        DataError: The set is not as published; names file and line.
    """
    if split not in PUBLISHED:
        raise DataError(f"WIDER FACE has no labelled split {split!r}")
    images = folder_of(root, f"WIDER_{split}", "images")
    path = root / "wider_face_split" / f"wider_face_{split}_bbx_gt.txt"
    lines = text_of(path).splitlines()
    faces: list[LabelledFace] = []
    at, pictures = 0, 0
    while at < len(lines):
        image = image_of(images / lines[at].strip(), path)
        if at + 1 >= len(lines) or not lines[at + 1].strip().isdigit():
            raise DataError(f"{path}:{at + 2}: expected the number of faces of {lines[at].strip()}")
        count = int(lines[at + 1])
        rows = lines[at + 2 : at + 2 + max(count, 1)]
        if len(rows) < count:
            raise DataError(f"{path}:{at + 2}: {count} faces, but the file ends")
        faces += [_face(image, row, f"{path}:{at + 3 + i}") for i, row in enumerate(rows[:count])]
        if count == 0:
            faces.append(LabelledFace(ImageFile(image), None, name=image.name, presence=False))
            if rows and len(rows[0].split()) != 10:
                rows = []  # some copies leave the line of zeros out
        at += 2 + len(rows)
        pictures += 1
    if complete and pictures != PUBLISHED[split]:
        raise DataError(f"{path}: {pictures} pictures, the published set has {PUBLISHED[split]}")
    return count_checked(faces, None, path)


def _face(image: Path, row: str, where: str) -> LabelledFace:
    values = numbers_of(row.split(), where)
    if values.size != 10:
        raise DataError(f"{where}: {values.size} fields, expected 10")
    x, y, w, h = (float(v) for v in values[:4])
    names = (name for name, value in zip(_FLAGS, values[4:], strict=True) if value)
    return LabelledFace(
        ImageFile(image),
        None,
        name=image.name,
        box=Box.from_xyxy(x, y, x + w, y + h),
        tags=frozenset(names),
    )
