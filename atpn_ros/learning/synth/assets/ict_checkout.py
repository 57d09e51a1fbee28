# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader for an ICT-FaceKit checkout: the Wavefront files of its ``FaceXModel`` folder.

It gives the same arrays as the packed form: ``v vt f ft ids ex en``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.synth.assets.head_model import Ints
from atpn_ros.types import Floats

_NEUTRAL = "generic_neutral_mesh.obj"


def find(folder: Path) -> Path | None:
    """The folder of Wavefront files in a checkout, or None where there is none."""
    for candidate in (folder / "FaceXModel", folder):
        if (candidate / _NEUTRAL).is_file():
            return candidate
    return None


def read(folder: Path) -> dict[str, Any]:
    """Read the neutral mesh, the identity shapes and the expressions.

    Raises:
        AssetError: A file cannot be read, or its vertices do not fit the neutral mesh.
    """
    neutral, uv, faces, face_uv = mesh(folder / _NEUTRAL)
    identities = sorted(folder.glob("identity*.obj"))
    expressions = [
        p for p in sorted(folder.glob("*.obj")) if p.name != _NEUTRAL and p not in identities
    ]
    if not identities or not expressions:
        raise AssetError(f"{folder}: no identity*.obj or no expressions")
    return {
        "v": neutral.astype(np.float32),
        "vt": uv,
        "f": faces,
        "ft": face_uv,
        "ids": _offsets(identities, neutral),
        "ex": _offsets(expressions, neutral),
        "en": np.array([p.stem for p in expressions]),
    }


def _offsets(files: list[Path], neutral: Floats) -> Floats:
    out = np.empty((len(files), *neutral.shape), np.float32)
    for i, path in enumerate(files):
        vertices = _vertices(path, _text(path))
        if vertices.shape != neutral.shape:
            raise AssetError(f"{path}: {len(vertices)} vertices, the neutral has {len(neutral)}")
        out[i] = vertices - neutral
    return out


def mesh(path: Path) -> tuple[Floats, Floats, Ints, Ints]:
    """Vertices, texture coordinates, and triangles of both, of a Wavefront file."""
    text = _text(path)
    uv = _rows(path, [line[3:] for line in text if line.startswith("vt ")], 2)
    triangles, coordinates = [], []
    try:
        for line in text:
            if not line.startswith("f "):
                continue
            ring = [[int(x) - 1 for x in word.split("/")[:2]] for word in line.split()[1:]]
            for k in range(1, len(ring) - 1):
                corners = (ring[0], ring[k], ring[k + 1])
                triangles.append([c[0] for c in corners])
                coordinates.append([c[1] for c in corners])
    except (ValueError, IndexError) as error:
        raise AssetError(f"{path}: a face cannot be read: {error}") from error
    return _vertices(path, text), uv, np.asarray(triangles), np.asarray(coordinates)


def _vertices(path: Path, text: list[str]) -> Floats:
    return _rows(path, [line[2:] for line in text if line.startswith("v ")], 3)


def _text(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (OSError, ValueError) as error:
        raise AssetError(f"{path}: {error}") from error


def _rows(path: Path, lines: list[str], width: int) -> Floats:
    try:
        rows = np.array([line.split()[:width] for line in lines], np.float64)
    except ValueError as error:
        raise AssetError(f"{path}: a vertex cannot be read: {error}") from error
    if rows.ndim != 2 or rows.shape[1] != width:
        raise AssetError(f"{path}: no vertices")
    return rows
