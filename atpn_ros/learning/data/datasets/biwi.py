# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""BIWI Kinect Head Pose (Fanelli et al., 2013): 24 sequences with measured rotation.

Layout: ``hpdb/01`` to ``hpdb/24``, each with ``frame_00003_rgb.png`` and ``frame_00003_pose.txt``:
a 3x3 rotation, an empty line, the head's centre in millimetres.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.data.datasets.record import (
    DataError,
    Record,
    count_checked,
    folder_of,
    image_of,
    numbers_of,
    text_of,
)
from atpn_ros.types import Floats

PUBLISHED = 15_678


def read_biwi(root: Path, complete: bool = True) -> list[Record]:
    """All frames of all sequences.

    The rotation is the set's own, taken as that of a head whose rest faces the camera: its axes
    were not checked against pictures here.

    Raises:
        DataError: The set is not as published; names the file.
    """
    base = folder_of(root, "hpdb") if (root / "hpdb").is_dir() else folder_of(root)
    records = []
    for folder in sorted(p for p in base.iterdir() if p.is_dir() and p.name.isdigit()):
        for path in sorted(folder.glob("frame_*_pose.txt")):
            image = path.with_name(path.name.replace("_pose.txt", "_rgb.png"))
            number = re.fullmatch(r"frame_(\d+)_pose\.txt", path.name)
            if number is None:
                raise DataError(f"{path}: the name is no frame number")
            records.append(
                Record(image_of(image, path), rotation=_rotation(path), frame=int(number[1]))
            )
    return count_checked(records, PUBLISHED if complete else None, base)


def _rotation(path: Path) -> Floats:
    values = numbers_of(text_of(path).split(), str(path))
    if values.size != 12 or not np.isfinite(values).all():
        raise DataError(f"{path}: {values.size} numbers, expected 12, all finite")
    matrix = values[:9].reshape(3, 3)
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > 0.01 or np.linalg.det(matrix) < 0:
        raise DataError(f"{path}: the first nine numbers are no rotation")
    return geometry.nearest_rotation(matrix) @ geometry.FACING
