# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the training photographs, each with the outline of its one face.

Outlines come from hand-placed points where a set has them, and else from this package's own face
network, started where the face is in photographs of the set. No other detector is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros.crop import Crop
from atpn_ros.learning.data import london
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.held_out import POINTING_PEOPLE, held_out_photographs
from atpn_ros.learning.data.labelled_face import ImageFile
from atpn_ros.learning.data.photograph_landmarks import Finder
from atpn_ros.learning.data.sprites import frontal_outline
from atpn_ros.types import Floats, Image

_PROFILES = (1, 5, 6, 10)
"""London's views from the side."""


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph of one person.

    Attributes:
        name: Set and file.
        image: (H, W, 3) uint8 BGR.
        outline: (K, 2) pixels of the points that the face's box holds.
        landmarks: (98, 2) pixels, WFLW order.
        plain: Whether what is behind the person is one even surface.
        held_out: Whether the person is held out from training.
    """

    name: str
    image: Image
    outline: Floats
    landmarks: Floats
    plain: bool
    held_out: bool


def photographs(root: Path, finder: Finder) -> Iterator[Photograph]:
    """All photographs of the folder of data sets in which a face is found.

    Raises:
        DataError: A set is missing, or a picture cannot be read; names it.
    """
    _required(root / "faces_london")
    yield from _with_points(root / "faces_london")
    yield from _with_points(root / "faces_canada")
    for folder in ("faces_london_smiling", "faces_london_views"):
        for path, held_out in _with_split(root / folder):
            yield from _searched(path, finder, _london_starts(_view(path)), True, held_out)
    for path, held_out in _with_split(root / "faces_congress" / "images"):
        yield from _searched(path, finder, _PORTRAIT_STARTS, False, held_out)
    for path in sorted((root / "faces_cc0_lisa").glob("*.jpg")):
        yield from _searched(path, finder, _PORTRAIT_STARTS, False, False)
    yield from _pointing(root / "pointing04", finder)


def held_out_portraits(root: Path, finder: Finder) -> Iterator[Photograph]:
    """Held-out people who roughly face the camera: portraits, and London's without profiles.

    Raises:
        DataError: A set is missing, or a picture cannot be read; names it.
    """
    _required(root / "faces_congress" / "images")
    for path, held_out in _with_split(root / "faces_congress" / "images"):
        if held_out:
            yield from _searched(path, finder, _PORTRAIT_STARTS, False, True)
    for folder in ("faces_london", "faces_london_smiling", "faces_london_views"):
        for path, held_out in _with_split(root / folder):
            if held_out and _view(path) not in _PROFILES:
                yield from _searched(path, finder, _london_starts(_view(path)), True, True)


def _required(folder: Path) -> None:
    if not any(folder.glob("*.jpg")):
        raise DataError(f"{folder}: holds no photograph (*.jpg)")


def _with_split(folder: Path) -> list[tuple[Path, bool]]:
    """The photographs of a folder and its subfolders, and whether each is held out."""
    paths = sorted(folder.rglob("*.jpg"))
    held = held_out_photographs(folder, [path.stem for path in paths])
    return [(path, path.stem in held) for path in paths]


def _view(path: Path) -> int:
    """The view of a photograph of the London set, the second number of its name."""
    return int(path.stem.split("_")[1])


_Start = Callable[[int, int], list[Crop]]


def _grid(
    xs: tuple[float, ...], ys: tuple[float, ...], sides: tuple[float, ...],
    angles: tuple[float, ...] = (0.0,),
) -> _Start:  # fmt: skip
    """Crops at shares of a picture's width, height and width."""
    return lambda width, height: [
        Crop(width * x, height * y, width * side, angle)
        for x in xs for y in ys for side in sides for angle in angles
    ]  # fmt: skip


_PORTRAIT_STARTS = _grid((0.43, 0.55), (0.33, 0.42, 0.5), (0.45, 0.62), (-0.12, 0.12))


def _london_starts(view: int) -> _Start:
    """Where the face is in a view of the studio: 1 left profile to 5 right profile, 6 to 10 too."""
    kind = (view - 1) % 5
    xs = ((0.36, 0.42, 0.47), (0.42, 0.48), (0.5,), (0.52, 0.58), (0.53, 0.58, 0.64))[kind]
    return _grid(xs, (0.45, 0.52, 0.58), (0.33, 0.42))


def _searched(
    path: Path, finder: Finder, starts: _Start, plain: bool, held_out: bool
) -> Iterator[Photograph]:
    image = ImageFile(path).read()
    height, width = image.shape[:2]
    found = finder.find(image, starts(width, height))
    if found is not None:
        name = "/".join(path.parts[-2:])
        yield Photograph(name, image, found.outline, found.landmarks, plain, held_out)


def _with_points(folder: Path) -> Iterator[Photograph]:
    for path, held_out in _with_split(folder):
        try:
            person = london.load_one(path)
        except AssetError as error:
            raise DataError(str(error)) from error
        points, name = london.to_wflw98(person.points), "/".join(path.parts[-2:])
        yield Photograph(name, person.image, frontal_outline(points), points, True, held_out)


def _pointing(folder: Path, finder: Finder) -> Iterator[Photograph]:
    """Faces that the set's own boxes of the inner face agree with."""
    for record in json.loads((folder / "labels.json").read_text()):
        image = ImageFile(folder / "images" / record["file"]).read()
        middle = np.asarray(record["centre_xy"], float)
        side = float(max(record["size_wh"]))
        found = finder.find(image, _around(middle, side))
        if found is None:
            continue
        low, high = found.outline.min(0), found.outline.max(0)
        if np.abs((found.landmarks[33:].mean(0) - middle) / side).max() > 0.4:
            continue
        if not 0.8 < float(np.sqrt((high - low).prod())) / side < 2.2:
            continue
        held_out = record["person"] in POINTING_PEOPLE
        name = f"pointing04/{record['file']}"
        yield Photograph(name, image, found.outline, found.landmarks, False, held_out)


def _around(middle: Floats, side: float) -> list[Crop]:
    steps = ((0, 0, 1.3), (0.1, 0.1, 1.5), (-0.1, 0.1, 1.5), (0, -0.1, 1.7), (0, 0.1, 1.2))
    return [Crop(middle[0] + x * side, middle[1] + y * side, k * side) for x, y, k in steps]
