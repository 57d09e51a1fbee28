# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of BIWI Kinect Head Pose (Fanelli et al., 2013): 24 sequences with measured rotation.

Layout: ``hpdb/01`` to ``hpdb/24``, each with ``rgb.cal``, ``frame_00003_rgb.png`` and
``frame_00003_pose.txt``: a 3x3 rotation, an empty line, the head's centre in millimetres. The
calibration holds the colour camera's 3x3 matrix, four zeros, and the 3x3 rotation and the
translation in millimetres from the depth camera, in whose frame the labels are.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.data.checks import (
    DataError,
    count_checked,
    folder_of,
    image_of,
    numbers_of,
    text_of,
)
from atpn_ros.learning.data.labelled_face import ImageFile, LabelledFace
from atpn_ros.types import Box, Floats

PUBLISHED = 15_678

_HEAD_MM = 200.0
"""Side of the square around the head's centre."""


def read_biwi(root: Path, complete: bool = True) -> list[LabelledFace]:
    """Read all frames of all sequences.

    The set has no boxes: a face's box is the square of 200 mm around the projected head centre.
    The rotation is the set's own, taken as that of a head that faces the camera at rest, and
    turned to the crop's own camera. Neither was compared with real pictures of the set here.

    Raises:
        DataError: The set is not as published; names the file.
    """
    base = folder_of(root, "hpdb") if (root / "hpdb").is_dir() else folder_of(root)
    faces = []
    for folder in sorted(p for p in base.iterdir() if p.is_dir() and p.name.isdigit()):
        camera = _camera(folder / "rgb.cal")
        for path in sorted(folder.glob("frame_*_pose.txt")):
            image = path.with_name(path.name.replace("_pose.txt", "_rgb.png"))
            faces.append(_face(path, image_of(image, path), camera))
    return count_checked(faces, PUBLISHED if complete else None, base)


class _Camera(NamedTuple):
    """The colour camera: its matrix, and rotation and translation (mm) from the depth camera."""

    matrix: Floats
    rotation: Floats
    translation: Floats


def _camera(path: Path) -> _Camera:
    values = numbers_of(text_of(path).split(), str(path))
    if values.size < 25 or not np.isfinite(values[:25]).all() or values[0] <= 0:
        raise DataError(f"{path}: {values.size} numbers, expected a camera of at least 25, finite")
    return _Camera(values[:9].reshape(3, 3), values[13:22].reshape(3, 3), values[22:25])


def _face(path: Path, image: Path, camera: _Camera) -> LabelledFace:
    rotation, centre = _pose(path)
    place = camera.rotation @ centre + camera.translation
    if place[2] <= 0:
        raise DataError(f"{path}: the head's centre lies behind the camera")
    x, y, _ = camera.matrix @ place / place[2]
    side = float(camera.matrix[0, 0] * _HEAD_MM / place[2])
    return LabelledFace(
        ImageFile(image),
        None,
        name=f"{path.parent.name}/{image.stem}",
        rotation=geometry.rotation_to_ray(place).T @ camera.rotation @ rotation,
        box=Box(float(x), float(y), side, side),
    )


def _pose(path: Path) -> tuple[Floats, Floats]:
    """The head's rotation (head frame to depth camera) and its centre in millimetres."""
    values = numbers_of(text_of(path).split(), str(path))
    if values.size != 12 or not np.isfinite(values).all():
        raise DataError(f"{path}: {values.size} numbers, expected 12, all finite")
    matrix = values[:9].reshape(3, 3)
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > 0.01 or np.linalg.det(matrix) < 0:
        raise DataError(f"{path}: the first nine numbers are no rotation")
    return geometry.nearest_rotation(matrix) @ geometry.FACING, values[9:]
