# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""iBUG's 300-W and 300-VW: 68 points per face in ``.pts`` files that count pixels from 1."""

from __future__ import annotations

import re
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
from atpn_ros.types import Floats

PARTS = {
    "train": ("afw", "helen/trainset", "lfpw/trainset"),
    "common": ("helen/testset", "lfpw/testset"),
    "challenging": ("ibug",),
    "full": ("helen/testset", "lfpw/testset", "ibug"),
}
"""The folders of 300-W's usual splits."""

PUBLISHED = {"train": 3148, "common": 554, "challenging": 135, "full": 689}

VW_CATEGORIES: dict[str, tuple[int, ...]] = {
    "1": (114, 124, 125, 126, 150, 158, 401, 402, 505, 506, 507, 508, 509, 510, 511, 514, 515, 518,
          519, 520, 521, 522, 524, 525, 537, 538, 540, 541, 546, 547, 548),
    "2": (203, 208, 211, 212, 213, 214, 218, 224, 403, 404, 405, 406, 407, 408, 409, 412, 550, 551,
          553),
    "3": (410, 411, 516, 517, 526, 528, 529, 530, 531, 533, 557, 558, 559, 562),
}  # fmt: skip
"""The test videos of 300-VW's three categories; all others are for training."""

_SUFFIXES = (".jpg", ".png")


def read_300w(root: Path, split: str, complete: bool = True) -> list[Record]:
    """Faces of ``train``, ``common``, ``challenging`` or ``full``.

    Args:
        root: Folder with ``afw``, ``helen``, ``lfpw`` and ``ibug``.
        split: Which folders.
        complete: Whether the number of faces must be the published one.

    Raises:
        DataError: The set is not as published; names the file.
    """
    if split not in PARTS:
        raise DataError(f"300-W has no split {split!r}")
    records = []
    for part in PARTS[split]:
        for path in sorted(folder_of(root, part).glob("*.pts")):
            found = [path.with_suffix(s) for s in _SUFFIXES if path.with_suffix(s).is_file()]
            image = found[0] if found else path.with_suffix(".jpg")
            records.append(Record(image_of(image, path), read_pts(path)))
    return count_checked(records, PUBLISHED[split] if complete else None, root)


def read_300vw(root: Path, split: str) -> list[Record]:
    """Frames of ``train`` or of test category ``1``, ``2``, ``3``.

    Args:
        root: Folder with one folder per video: ``vid.avi`` and ``annot/000001.pts`` and so on.
        split: Which videos.

    Raises:
        DataError: The set is not as published; names the file.
    """
    if split != "train" and split not in VW_CATEGORIES:
        raise DataError(f"300-VW has no split {split!r}")
    tests = {number for numbers in VW_CATEGORIES.values() for number in numbers}
    records = []
    for folder in sorted(p for p in folder_of(root).iterdir() if p.is_dir() and p.name.isdigit()):
        number = int(folder.name)
        wanted = number not in tests if split == "train" else number in VW_CATEGORIES[split]
        if not wanted:
            continue
        video = image_of(folder / "vid.avi", folder)
        for path in sorted(folder_of(folder, "annot").glob("*.pts")):
            if not path.stem.isdigit():
                raise DataError(f"{path}: the name is no frame number")
            records.append(Record(video, read_pts(path), frame=int(path.stem) - 1))
    return count_checked(records, None, root)


def read_pts(path: Path) -> Floats:
    """(68, 2) points of a ``.pts`` file, the first pixel's centre at (0, 0).

    Raises:
        DataError: Not such a file.
    """
    match = re.fullmatch(
        r"\s*version:\s*\S+\s+n_points:\s*(\d+)\s*\{(.*)\}\s*", text_of(path), re.DOTALL
    )
    if match is None:
        raise DataError(f"{path}: not a .pts file")
    values = numbers_of(match[2].split(), str(path))
    if int(match[1]) != 68 or values.size != 136:
        raise DataError(f"{path}: n_points {match[1]}, {values.size} numbers, expected 68 and 136")
    return points_of(values.reshape(68, 2) - 1.0, 68, str(path))
