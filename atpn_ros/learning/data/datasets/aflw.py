# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""300W-LP and AFLW2000-3D (Zhu et al., CVPR 2016): pose from a fitted head, in ``.mat`` files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atpn_ros.learning.data.datasets.record import (
    DataError,
    Record,
    count_checked,
    folder_of,
    image_of,
    points_of,
)
from atpn_ros.types import Box, Floats

LP_PARTS = ("AFW", "HELEN", "IBUG", "LFPW")
PUBLISHED_LP = 61_225
"""Pictures without their mirrored copies, which the trainer makes itself."""
PUBLISHED_2000 = 2000

STEEPEST = np.radians(99)
"""The usual protocol on AFLW2000-3D leaves out faces with an angle beyond this (31 faces)."""

_TO_MODEL = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""Head frame to the morphable model's axes: x to the image's right, y up, z to the viewer."""


def read_300w_lp(root: Path, complete: bool = True) -> list[Record]:
    """All faces but the mirrored ones (``*_Flip``), with pose and 68 projected model points.

    Raises:
        DataError: The set is not as published; names the file.
    """
    records = []
    for part in LP_PARTS:
        for path in sorted(folder_of(root, part).glob("*.mat")):
            mat = _load(path)
            records.append(_record(path, mat, _two_rows(path, mat, "pt2d")))
    return count_checked(records, PUBLISHED_LP if complete else None, root)


def read_aflw2000(root: Path, complete: bool = True) -> list[Record]:
    """All faces with pose and the 68 points of ``pt3d_68``, hidden contour points included.

    For pose figures leave out those whose attributes hold ``steep``.

    Raises:
        DataError: The set is not as published; names the file.
    """
    records = []
    for path in sorted(folder_of(root).glob("*.mat")):
        mat = _load(path)
        records.append(_record(path, mat, _two_rows(path, mat, "pt3d_68")))
    return count_checked(records, PUBLISHED_2000 if complete else None, root)


def rotation_of(pitch: float, yaw: float, roll: float) -> Floats:
    """(3, 3) head to the face's own camera of the sets' angles in radians.

    Their model is turned by ``Rx(pitch) Ry(yaw) Rz(roll)``, each the transpose of the right-handed
    rotation, in axes x right, y up, z to the viewer; their pitch grows upwards.
    """
    cp, sp, cy, sy, cr, sr = (f(a) for a in (pitch, yaw, roll) for f in (np.cos, np.sin))
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_z = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return np.diag([1.0, -1.0, -1.0]) @ about_x @ about_y @ about_z @ _TO_MODEL


def _load(path: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat

    try:
        loaded: dict[str, np.ndarray] = loadmat(path)
    except Exception as error:  # scipy raises whatever its parser met
        raise DataError(f"{path}: not a MATLAB file: {error}") from error
    return loaded


def _two_rows(path: Path, mat: dict[str, np.ndarray], field: str) -> Floats:
    """(68, 2) points of a field with x in its first and y in its second row, counted from 1."""
    if field not in mat or mat[field].ndim != 2 or mat[field].shape[0] < 2:
        raise DataError(f"{path}: {field}: missing or without two rows")
    return points_of(mat[field][:2].T - 1.0, 68, f"{path}: {field}")


def _record(path: Path, mat: dict[str, np.ndarray], points: Floats) -> Record:
    pose = np.asarray(mat.get("Pose_Para", ()), np.float64).ravel()
    if pose.size != 7 or not np.isfinite(pose).all():
        raise DataError(f"{path}: Pose_Para: {pose.size} numbers, expected 7, all finite")
    pitch, yaw, roll = (float(a) for a in pose[:3])
    steep = max(abs(pitch), abs(yaw), abs(roll)) > STEEPEST
    return Record(
        image_of(path.with_suffix(".jpg"), path),
        points,
        rotation_of(pitch, yaw, roll),
        Box.around(points),
        attributes=frozenset({"steep"} if steep else ()),
    )
