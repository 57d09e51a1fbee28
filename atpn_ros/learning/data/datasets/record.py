# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a data set says of one face, and how it fails when the set is not what it should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from atpn_ros.types import AtpnError, Box, Floats


class DataError(AtpnError):
    """A data set that is not what it should be; names the file and the field."""


@dataclass(frozen=True, slots=True)
class Record:
    """One labelled face; what a set does not say is None.

    Attributes:
        image: The picture's file; for a video the video's.
        landmarks: (68, 2) iBUG or (98, 2) WFLW points, pixels, the first pixel's centre at (0, 0).
        rotation: (3, 3) head to the camera, or to the face's own camera where the set says so.
        box: The set's own face box.
        frame: Of a video, from 0.
        attributes: Names that hold, e.g. WFLW's ``occlusion``.
    """

    image: Path
    landmarks: Floats | None = None
    rotation: Floats | None = None
    box: Box | None = None
    frame: int | None = None
    attributes: frozenset[str] = field(default_factory=frozenset)


def folder_of(root: Path, *parts: str) -> Path:
    """A folder of a set, which must exist.

    Raises:
        DataError: It does not.
    """
    folder = root.joinpath(*parts)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    return folder


def text_of(path: Path) -> str:
    """A label file's text.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def image_of(path: Path, named_in: Path) -> Path:
    """A picture that a label file names, which must exist.

    Raises:
        DataError: It does not.
    """
    if not path.is_file():
        raise DataError(f"{named_in}: {path}: no such image")
    return path


def points_of(values: Floats, count: int, where: str) -> Floats:
    """Landmarks, which must be so many and finite.

    Raises:
        DataError: They are not.
    """
    points = np.asarray(values, np.float64)
    if points.shape != (count, 2) or not np.isfinite(points).all():
        raise DataError(f"{where}: landmarks: {points.shape}, expected ({count}, 2), all finite")
    return points


def numbers(values: object, shape: tuple[int, ...], where: str) -> Floats:
    """Finite numbers of a shape.

    Raises:
        DataError: They are not; says where.
    """
    try:
        out = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: not numbers: {error}") from error
    if out.shape != shape:
        raise DataError(f"{where}: has shape {out.shape}, expected {shape}")
    if not np.isfinite(out).all():
        raise DataError(f"{where}: holds a number that is not finite")
    return out


def numbers_of(words: list[str], where: str) -> Floats:
    """Numbers from words.

    Raises:
        DataError: A word is none.
    """
    try:
        return np.array([float(word) for word in words])
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def count_checked(records: list[Record], published: int | None, where: Path) -> list[Record]:
    """The records, which must be as many as the set has.

    Raises:
        DataError: None at all, or another number than published.
    """
    if not records:
        raise DataError(f"{where}: holds no face")
    if published is not None and len(records) != published:
        raise DataError(f"{where}: {len(records)} faces, the published set has {published}")
    return records
