# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of photographs of people who look into the camera, with training and held-out people.

Their gaze is known: along the optical axis of a camera that is turned to the face. Sets with a
template of 189 hand-placed points beside each photograph have landmarks too (the Face Research Lab
London Set and Young Adult White Faces); others have a detector's box in ``labels.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from atpn_ros.learning.data import london
from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.data.checks import DataError, numbers
from atpn_ros.learning.data.eyes import INTO_LENS, turn_irises
from atpn_ros.learning.data.held_out import held_out_photographs
from atpn_ros.learning.data.labelled_face import ImageFile, LabelledFace
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.types import Box

_TURNED, _MOST, _SEED = 8, (24.0, 9.0), 0
"""Copies with turned irises, and the largest angles sideways and up or down, degrees."""


def read_lens(folder: Path, split: str) -> list[LabelledFace]:
    """Read the faces of a split.

    Args:
        folder: With photographs and templates, or with ``labels.json`` and ``images/``.
        split: ``test``: the people who are held out; ``train``: the others; ``turned``: those who
            are held out with their irises turned, each eight times.

    Raises:
        DataError: A file is missing or damaged, or no person is left.
    """
    faces = (
        _with_boxes(folder)
        if (folder / "labels.json").is_file()
        else _with_points(folder, _TURNED if split == "turned" else 0)
    )
    held = held_out_photographs(folder, [Path(face.name).stem for face in faces])
    chosen = [face for face in faces if (Path(face.name).stem in held) == (split != "train")]
    if not chosen:
        raise DataError(f"{folder}: no face of {split!r}")
    return chosen


def _with_points(folder: Path, turned: int) -> list[LabelledFace]:
    """The faces as they are, or ``turned`` copies of each with turned irises."""
    try:
        people = london.load(folder)
    except AssetError as error:
        raise DataError(str(error)) from error
    rng = np.random.default_rng(_SEED)
    faces = []
    for p in people:
        points = london.to_wflw98(p.points)
        if not turned:
            faces.append(LabelledFace(p.image, points, WFLW98, p.name, gaze=INTO_LENS))
        for _ in range(turned):
            yaw, pitch = (float(rng.uniform(-most, most)) for most in _MOST)
            image, gaze = turn_irises(p.image, p.points, yaw, pitch)
            faces.append(LabelledFace(image, points, WFLW98, p.name, gaze=gaze))
    return faces


def _with_boxes(folder: Path) -> list[LabelledFace]:
    path = folder / "labels.json"
    try:
        rows = [(str(row["file"]), row["xywh"]) for row in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected a list of faces with file and xywh: {error}") from error
    faces = []
    for name, box in rows:
        x, y, w, h = (float(v) for v in numbers(box, (4,), f"{path}: {name}: xywh"))
        found = Box.from_xyxy(x, y, x + w, y + h)
        picture = ImageFile(folder / "images" / name)
        faces.append(
            LabelledFace(picture, None, name=name, gaze=INTO_LENS, box=found, detection=found)
        )
    return faces
