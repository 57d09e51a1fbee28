# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Readers of iBUG's 300-W (pictures) and 300-VW (videos): 68 points per face in ``.pts`` files."""

from __future__ import annotations

import re
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
from atpn_ros.learning.data.layouts import IBUG68
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

PUBLISHED_VW = {"train": 50, "1": 31, "2": 19, "3": 14, "test": 64}
"""Videos."""

_SUFFIXES = (".jpg", ".png")


def read_300w(root: Path, split: str, complete: bool = True) -> list[LabelledFace]:
    """Read the faces of ``train``, ``common``, ``challenging`` or ``full``.

    Test faces have ``common`` or ``challenging`` among their tags.

    Args:
        root: Folder with ``afw``, ``helen``, ``lfpw`` and ``ibug``.
        split: One of the four.
        complete: Whether the number of faces must be the published one.

    Raises:
        DataError: The set is not as published; names the file.
    """
    if split not in PARTS:
        raise DataError(f"300-W has no split {split!r}")
    faces = []
    for part in PARTS[split]:
        for path in sorted(folder_of(root, part).glob("*.pts")):
            found = [path.with_suffix(s) for s in _SUFFIXES if path.with_suffix(s).is_file()]
            image = found[0] if found else path.with_suffix(".jpg")
            faces.append(_face(image_of(image, path), None, path, path.stem, _tag(part)))
    return count_checked(faces, PUBLISHED[split] if complete else None, root)


def _tag(part: str) -> str:
    """The test subset that a folder of 300-W belongs to; empty for training folders."""
    return next((name for name in ("common", "challenging") if part in PARTS[name]), "")


def _face(picture: Path, frame: int | None, labels: Path, name: str, tag: str) -> LabelledFace:
    return LabelledFace(
        ImageFile(picture, frame),
        read_pts(labels),
        IBUG68,
        name,
        brow_middles=True,
        tags=frozenset({tag} if tag else ()),
    )


def read_300vw(root: Path, split: str, complete: bool = True) -> list[LabelledFace]:
    """Read the frames of ``train``, of ``test`` or of test category ``1``, ``2``, ``3``.

    Test frames have ``category 1``, ``category 2`` or ``category 3`` among their tags.

    Args:
        root: Folder with one folder per video: ``vid.avi`` and ``annot/000001.pts`` and so on.
        split: Which videos.
        complete: Whether the number of videos must be the published one.

    Raises:
        DataError: The set is not as published; names the file.
    """
    if split not in PUBLISHED_VW:
        raise DataError(f"300-VW has no split {split!r}")
    category_of = {n: name for name, numbers in VW_CATEGORIES.items() for n in numbers}
    faces, videos = [], 0
    for folder in sorted(p for p in folder_of(root).iterdir() if p.is_dir() and p.name.isdigit()):
        found = category_of.get(int(folder.name), "train")
        if found != split and (split != "test" or found == "train"):
            continue
        videos += 1
        category = "" if found == "train" else f"category {found}"
        video = image_of(folder / "vid.avi", folder)
        for path in sorted(folder_of(folder, "annot").glob("*.pts")):
            if not path.stem.isdigit():
                raise DataError(f"{path}: the name is no frame number")
            name = f"{folder.name}/{path.stem}"
            faces.append(_face(video, int(path.stem) - 1, path, name, category))
    if complete and videos != PUBLISHED_VW[split]:
        raise DataError(f"{root}: {videos} videos, the published set has {PUBLISHED_VW[split]}")
    return count_checked(faces, None, root)


def read_pts(path: Path) -> Floats:
    """(68, 2) points of a ``.pts`` file, in pixels, the first pixel's centre at (0, 0).

    The files count pixels from 1.

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
