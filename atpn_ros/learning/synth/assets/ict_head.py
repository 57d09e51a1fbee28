# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the ICT-FaceKit head as a :class:`~atpn_ros.learning.synth.assets.head_model.HeadModel`.

It is read from a folder the user names: a checkout of ICT-FaceKit, or its packed form (``ict.npz``
and ``vertex_indices.json``).
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.synth.assets import ict_checkout, ict_points
from atpn_ros.learning.synth.assets.head_model import HeadModel, Ints, Part
from atpn_ros.types import Floats

_VERTICES, _TRIANGLES = 26719, 52220
_SPANS = (
    (Part.SKIN, 0, 11248),
    (Part.MOUTH, 11248, 13294),
    (Part.SOCKET, 13294, 14062),
    (Part.GUMS, 14062, 17039),
    (Part.TEETH, 17039, 21451),
    (Part.LASHES, 25351, 26719),
)
_EYEBALLS = ((23021, 24591), (21451, 23021))  # the person's right, left

_TO_HEAD = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]) * 0.01
"""ICT row vectors (cm; x to the person's left, y up, z forward) to the head frame in metres."""


def load(folder: Path, cache: Path | None = None) -> HeadModel:
    """Read the head.

    Args:
        folder: The packed head.
        cache: Where the points' places are kept; finding them takes seconds.

    Raises:
        AssetError: A file is missing or holds something else.
    """
    raw, marks = _read(folder)
    kept = np.concatenate([np.arange(a, b) for _, a, b in _SPANS])
    new = np.full(_VERTICES, -1)
    new[kept] = np.arange(len(kept))

    eyes = [_eyeball(raw["v"], lo, hi) for lo, hi in _EYEBALLS]
    origin = raw["v"][marks[27]] @ _TO_HEAD
    neutral = _reduced(raw["v"], kept, eyes) @ _TO_HEAD
    neutral[: len(kept) + 2] -= origin
    shapes = [
        np.stack([_offsets(s, kept, eyes) @ _TO_HEAD for s in raw[key]]).astype(np.float32)
        for key in ("ids", "ex")
    ]
    # The x of the last two vertices is a length, not a coordinate: undo the axis change.
    arrays: list[Floats] = [neutral[None], *shapes]
    for array in arrays:
        array[:, -2:] = np.roll(array[:, -2:], -1, axis=-1) * (1.0, 0.0, 0.0)

    triangles, parts, corner, uv = _corners(raw, new)
    names = tuple(str(n) for n in raw["en"])
    vertices = neutral.astype(np.float32)
    skin = triangles[parts == Part.SKIN]
    points, strips = ict_points.kept(cache, vertices, uv, corner, skin, new[marks])
    masks = ict_points.masks(vertices, points)
    return HeadModel(
        vertices, shapes[0], shapes[1], names, corner, uv, triangles, parts, masks, points, strips
    )


def _read(folder: Path) -> tuple[dict[str, Floats], list[int]]:
    path, table = folder / "ict.npz", folder / "vertex_indices.json"
    checkout = None if path.exists() else ict_checkout.find(folder)
    if checkout is not None:
        raw, table = ict_checkout.read(checkout), checkout / "vertex_indices.json"
    else:
        raw = _packed(path)
    try:
        marks = [int(i) for i in json.loads(table.read_text())["idx_to_landmark_verts"]]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise AssetError(f"{table}: no landmark vertices: {error}") from error
    if raw["v"].shape != (_VERTICES, 3) or raw["f"].shape != (_TRIANGLES, 3):
        raise AssetError(
            f"{path}: expected {_VERTICES} vertices and {_TRIANGLES} triangles, "
            f"found {raw['v'].shape} and {raw['f'].shape}"
        )
    if raw["ids"].shape[1:] != (_VERTICES, 3) or raw["ex"].shape[1:] != (_VERTICES, 3):
        raise AssetError(f"{path}: the shapes do not fit {_VERTICES} vertices")
    if len(raw["ex"]) != len(raw["en"]):
        raise AssetError(f"{path}: {len(raw['ex'])} expressions, {len(raw['en'])} names")
    if len(marks) != 68 or not all(0 <= i < _VERTICES for i in marks):
        raise AssetError(f"{table}: expected 68 vertex numbers below {_VERTICES}")
    return raw, marks


def _packed(path: Path) -> dict[str, Floats]:
    try:
        with np.load(path, allow_pickle=False) as packed:
            return {key: packed[key] for key in ("v", "vt", "f", "ft", "ids", "ex", "en")}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise AssetError(f"{path}: no ICT head in its packed form: {error}") from error


class _Eyeball:
    """A sphere through an eyeball's vertices, and how it follows them."""

    def __init__(self, rows: slice, unit: Floats, shift: Floats, radius: float) -> None:
        self.rows, self.unit, self.shift, self.radius = rows, unit, shift, radius


def _eyeball(v: Floats, lo: int, hi: int) -> _Eyeball:
    points = v[lo:hi].astype(np.float64)
    # Only the outer shell's front half: where the lids touch.
    shell = points[(points[:, 2] > points[:, 2].mean())]
    for _ in range(3):
        a = np.c_[2 * shell, np.ones(len(shell))]
        s = np.linalg.lstsq(a, (shell**2).sum(axis=1), rcond=None)[0]
        radius = float(np.sqrt(s[3] + s[:3] @ s[:3]))
        away = np.linalg.norm(shell - s[:3], axis=1)
        shell = shell[away > radius - 0.03]
    unit = points - s[:3]
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return _Eyeball(slice(lo, hi), unit, s[:3] - points.mean(axis=0), radius)


def _reduced(v: Floats, kept: Ints, eyes: list[_Eyeball]) -> Floats:
    centres = [v[e.rows].mean(axis=0) + e.shift for e in eyes]
    radii = [(e.radius, 0.0, 0.0) for e in eyes]
    return np.concatenate([v[kept], centres, radii]).astype(np.float64)


def _offsets(s: Floats, kept: Ints, eyes: list[_Eyeball]) -> Floats:
    centres = [s[e.rows].mean(axis=0) for e in eyes]
    radii = [
        (float(((s[e.rows] - c) * e.unit).sum(axis=1).mean()), 0.0, 0.0)
        for e, c in zip(eyes, centres, strict=True)
    ]
    return np.concatenate([s[kept], centres, radii]).astype(np.float64)


def _corners(raw: dict[str, Floats], new: Ints) -> tuple[Ints, Ints, Ints, Floats]:
    parts, pairs = [], []
    for part, lo, hi in _SPANS:
        inside = ((raw["f"] >= lo) & (raw["f"] < hi)).all(axis=1)
        pairs.append(np.stack([new[raw["f"][inside]], raw["ft"][inside]], axis=-1))
        parts.append(np.full(int(inside.sum()), int(part), np.int32))
    flat = np.concatenate(pairs).reshape(-1, 2)
    unique, inverse = np.unique(flat, axis=0, return_inverse=True)
    triangles = inverse.reshape(-1, 3).astype(np.int32)
    uv = raw["vt"][unique[:, 1]].astype(np.float32)
    return triangles, np.concatenate(parts), unique[:, 0].astype(np.int32), uv
