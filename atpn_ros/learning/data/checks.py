# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of data set files that every reader shares: folders, text, numbers, counts."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np

from atpn_ros.types import Array, AtpnError, Floats

T = TypeVar("T")


class DataError(AtpnError):
    """A data set, or a file of it, cannot be used; the message names the file and the field."""


def stored_arrays(path: Path) -> dict[str, Array]:
    """All arrays of an ``.npz`` file; nothing in it is executed.

    Raises:
        OSError, ValueError, EOFError, zipfile.BadZipFile: The file is missing or damaged.
    """
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def folder_of(root: Path, *parts: str) -> Path:
    """A folder of a data set, which must exist.

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
    """(count, 2) landmarks, which must be finite.

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
        DataError: They are not; the message says where.
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
    """(N,) numbers of N words.

    Raises:
        DataError: A word is not a number.
    """
    try:
        return np.array([float(word) for word in words])
    except ValueError as error:
        raise DataError(f"{where}: {error}") from error


def count_checked(faces: list[T], published: int | None, where: Path) -> list[T]:
    """The faces, whose number must be the published one.

    Raises:
        DataError: None at all, or another number than published.
    """
    if not faces:
        raise DataError(f"{where}: holds no face")
    if published is not None and len(faces) != published:
        raise DataError(f"{where}: {len(faces)} faces, the published set has {published}")
    return faces
