# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of WFLW (Wu et al., CVPR 2018): 7500 + 2500 faces with 98 points and six attributes.

Layout: ``WFLW_images/``, and ``WFLW_annotations/list_98pt_rect_attr_train_test/`` with one line per
face: 196 coordinates, the box's corners, six flags, the image below ``WFLW_images``.
"""

from __future__ import annotations

from pathlib import Path

from atpn_ros.learning.data.checks import (
    DataError,
    count_checked,
    folder_of,
    image_of,
    numbers_of,
    points_of,
    text_of,
)
from atpn_ros.learning.data.labelled_face import ImageFile, LabelledFace
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.types import Box

PUBLISHED = {"train": 7500, "test": 2500}
ATTRIBUTES = ("pose", "expression", "illumination", "make-up", "occlusion", "blur")
_LIST = "list_98pt_rect_attr_train_test"


def read_wflw(root: Path, split: str, complete: bool = True) -> list[LabelledFace]:
    """Read the faces of ``train`` or ``test``; their tags are the attributes that hold.

    Args:
        root: Folder with ``WFLW_images`` and ``WFLW_annotations``.
        split: ``train`` or ``test``.
        complete: Whether the number of faces must be the published one.

    Raises:
        DataError: The set is not as published; names file and line.
    """
    if split not in PUBLISHED:
        raise DataError(f"WFLW has no split {split!r}")
    images = folder_of(root, "WFLW_images")
    path = root / "WFLW_annotations" / _LIST / f"list_98pt_rect_attr_{split}.txt"
    faces = []
    for number, line in enumerate(text_of(path).splitlines(), 1):
        words = line.split()
        where = f"{path}:{number}"
        if len(words) != 207:
            raise DataError(f"{where}: {len(words)} fields, expected 207")
        values = numbers_of(words[:206], where)
        x0, y0, x1, y1 = (float(v) for v in values[196:200])
        flags = zip(ATTRIBUTES, values[200:206], strict=True)
        faces.append(
            LabelledFace(
                ImageFile(image_of(images / words[206], path)),
                points_of(values[:196].reshape(98, 2), 98, where),
                WFLW98,
                words[206],
                box=Box.from_xyxy(x0, y0, x1, y1),
                tags=frozenset(name for name, flag in flags if flag),
            )
        )
    return count_checked(faces, PUBLISHED[split] if complete else None, path)
