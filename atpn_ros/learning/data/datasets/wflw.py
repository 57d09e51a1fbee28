# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""WFLW (Wu et al., CVPR 2018): 7500 + 2500 faces with 98 points and six attributes.

Layout: ``WFLW_images/``, and ``WFLW_annotations/list_98pt_rect_attr_train_test/`` with one line per
face: 196 coordinates, the box's corners, six flags, the image below ``WFLW_images``.
"""

from __future__ import annotations

from pathlib import Path

from atpn_ros.learning.data.datasets.record import (
    DataError,
    Record,
    count_checked,
    folder_of,
    image_of,
    numbers_of,
    points_of,
    text_of,
)
from atpn_ros.types import Box

PUBLISHED = {"train": 7500, "test": 2500}
ATTRIBUTES = ("pose", "expression", "illumination", "make-up", "occlusion", "blur")
_LIST = "list_98pt_rect_attr_train_test"


def read_wflw(root: Path, split: str, complete: bool = True) -> list[Record]:
    """Faces of ``train`` or ``test``.

    Args:
        root: Folder with ``WFLW_images`` and ``WFLW_annotations``.
        split: Which list.
        complete: Whether the number of faces must be the published one.

    Raises:
        DataError: The set is not as published; names file and line.
    """
    if split not in PUBLISHED:
        raise DataError(f"WFLW has no split {split!r}")
    images = folder_of(root, "WFLW_images")
    path = root / "WFLW_annotations" / _LIST / f"list_98pt_rect_attr_{split}.txt"
    records = []
    for number, line in enumerate(text_of(path).splitlines(), 1):
        words = line.split()
        where = f"{path}:{number}"
        if len(words) != 207:
            raise DataError(f"{where}: {len(words)} fields, expected 207")
        values = numbers_of(words[:206], where)
        x0, y0, x1, y1 = (float(v) for v in values[196:200])
        flags = zip(ATTRIBUTES, values[200:206], strict=True)
        records.append(
            Record(
                image_of(images / words[206], path),
                points_of(values[:196].reshape(98, 2), 98, where),
                box=Box.from_xyxy(x0, y0, x1, y1),
                attributes=frozenset(name for name, flag in flags if flag),
            )
        )
    return count_checked(records, PUBLISHED[split] if complete else None, path)
