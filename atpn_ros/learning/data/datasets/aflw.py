# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Readers of 300W-LP and AFLW2000-3D (Zhu et al., CVPR 2016): 68 points and head pose."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atpn_ros.learning.data.checks import (
    DataError,
    count_checked,
    folder_of,
    image_of,
    points_of,
)
from atpn_ros.learning.data.labelled_face import ImageFile, LabelledFace
from atpn_ros.learning.data.layouts import IBUG68
from atpn_ros.types import Box, Floats

LP_PARTS = ("AFW", "HELEN", "IBUG", "LFPW")
PUBLISHED_LP = 61_225
"""Pictures without their mirrored copies: training mirrors pictures itself."""
PUBLISHED_2000 = 2000

STEEPEST = np.radians(99)
"""The published protocol on AFLW2000-3D leaves out faces with an angle beyond this (31 faces)."""

_TO_MODEL = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""Head frame to the morphable model's axes: x to the image's right, y up, z to the viewer."""


def read_300w_lp(root: Path, complete: bool = True) -> list[LabelledFace]:
    """Read all faces but the mirrored ones (``*_Flip``), with pose and 68 projected model points.

    Raises:
        DataError: The set is not as published; names the file.
    """
    faces = []
    for part in LP_PARTS:
        for path in sorted(folder_of(root, part).glob("*.mat")):
            mat = _load(path)
            faces.append(_face(path, mat, _two_rows(path, mat, "pt2d")))
    return count_checked(faces, PUBLISHED_LP if complete else None, root)


def read_aflw2000(root: Path, complete: bool = True) -> list[LabelledFace]:
    """Read all faces with pose and the 68 points of ``pt3d_68``, hidden contour points included.

    Faces with an angle beyond 99 degrees have the tag ``steep``; the published protocol for pose
    leaves them out.

    Raises:
        DataError: The set is not as published; names the file.
    """
    faces = []
    for path in sorted(folder_of(root).glob("*.mat")):
        mat = _load(path)
        faces.append(_face(path, mat, _two_rows(path, mat, "pt3d_68")))
    return count_checked(faces, PUBLISHED_2000 if complete else None, root)


def rotation_of(pitch: float, yaw: float, roll: float) -> Floats:
    """(3, 3) head to the crop's own camera of the data sets' angles in radians.

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
    except Exception as error:  # scipy raises many types
        raise DataError(f"{path}: not a MATLAB file: {error}") from error
    return loaded


def _two_rows(path: Path, mat: dict[str, np.ndarray], field: str) -> Floats:
    """(68, 2) points of a field with x in its first and y in its second row, counted from 1."""
    if field not in mat or mat[field].ndim != 2 or mat[field].shape[0] < 2:
        raise DataError(f"{path}: {field}: missing or without two rows")
    return points_of(mat[field][:2].T - 1.0, 68, f"{path}: {field}")


def _face(path: Path, mat: dict[str, np.ndarray], points: Floats) -> LabelledFace:
    pose = np.asarray(mat.get("Pose_Para", ()), np.float64).ravel()
    if pose.size != 7 or not np.isfinite(pose).all():
        raise DataError(f"{path}: Pose_Para: {pose.size} numbers, expected 7, all finite")
    pitch, yaw, roll = (float(a) for a in pose[:3])
    steep = max(abs(pitch), abs(yaw), abs(roll)) > STEEPEST
    return LabelledFace(
        ImageFile(image_of(path.with_suffix(".jpg"), path)),
        points,
        IBUG68,
        f"{path.parent.name}/{path.stem}",
        rotation=rotation_of(pitch, yaw, roll),
        box=Box.around(points),
        brow_middles=True,
        tags=frozenset({"steep"} if steep else ()),
    )
