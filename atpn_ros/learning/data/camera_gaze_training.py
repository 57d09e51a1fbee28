# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Prepares photographs of people who look into the camera as training data for gaze.

The London and the Young Adult White Faces sets have hand-placed points, with which the irises can
also be turned (:mod:`atpn_ros.learning.data.eyes`). In other portraits the landmarks come from this
package's own network, where its answers to several crops and to the mirrored picture agree.
People who look into the lens look along the crop's own optical axis, wherever the crop lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from atpn_ros.crop import Crop
from atpn_ros.engines.base import Engine
from atpn_ros.learning.data import london
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.eyes import INTO_LENS, draw_glasses, turn_irises
from atpn_ros.learning.data.face_regions import landmark_region, with_face_side
from atpn_ros.learning.data.held_out import held_out_photographs
from atpn_ros.learning.data.labelled_face import ImageFile, LabelledFace
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.learning.data.photograph_landmarks import Finder
from atpn_ros.types import Floats, Image

_FACE = 130.0
"""Longest side of the landmarks' box of a kept face, pixels."""
_REGION = 0.9
"""Margin that is kept around the landmarks' box, in longer sides of it."""
_SIDEWAYS, _UPRIGHT, _STEEPEST = 24.0, 7.0, 9.0
"""Turned irises: uniform to either side; normal, and at most so much, up and down; degrees."""
_GLASSES = 0.13


def load_camera_gaze_faces(
    root: Path, engine: Engine, turned: int, seed: int
) -> list[LabelledFace]:
    """All training faces of a folder of data sets whose gaze is known.

    Args:
        root: Folder of ``faces_london``, ``faces_london_smiling``, ``faces_canada`` and
            ``faces_congress``.
        engine: The network that finds the landmarks of portraits without points.
        turned: Copies with turned irises of each face with hand-placed points.
        seed: Of the turned irises and the glasses.

    Raises:
        DataError: A set is missing, or a picture cannot be read; names it.
    """
    rng = np.random.default_rng(seed)
    faces = []
    for image, template, name in _with_points(root):
        points = london.to_wflw98(template)
        faces.append(_face(image, points, INTO_LENS, name, rng))
        for _ in range(turned):
            pitch = float(np.clip(rng.normal(0, _UPRIGHT), -_STEEPEST, _STEEPEST))
            yaw = float(rng.uniform(-_SIDEWAYS, _SIDEWAYS))
            picture, gaze = turn_irises(image, template, yaw, pitch)
            faces.append(_face(picture, points, gaze, name, rng))
    for path in _portraits(root):
        image = ImageFile(path).read()
        found = find_landmarks(engine, image)
        if found is not None:
            faces.append(_face(image, found, INTO_LENS, path.name, rng, np.zeros(98)))
    return faces


def _with_points(root: Path) -> Iterator[tuple[Image, Floats, str]]:
    for name in ("faces_london", "faces_canada"):
        for path in _training_photographs(root / name):
            person = london.load_one(path)
            yield person.image, person.points, person.name


def _portraits(root: Path) -> Iterator[Path]:
    yield from _training_photographs(root / "faces_london_smiling")
    yield from _training_photographs(root / "faces_congress" / "images")


def _training_photographs(folder: Path) -> list[Path]:
    """The photographs of people who are not held out."""
    paths = sorted(folder.glob("*.jpg"))
    if not paths:
        raise DataError(f"{folder}: holds no photograph (*.jpg)")
    held = held_out_photographs(folder, [path.stem for path in paths])
    return [path for path in paths if path.stem not in held]


def _face(
    image: Image,
    points: Floats,
    gaze: Floats,
    name: str,
    rng: np.random.Generator,
    weights: Floats | None = None,
) -> LabelledFace:
    """A face with the part of its photograph around it, sometimes with glasses drawn on it."""
    face = LabelledFace(image, points, WFLW98, name, weights=weights, gaze=gaze)
    face = with_face_side(landmark_region(face, _REGION), _FACE)
    if rng.random() < _GLASSES:
        face = replace(face, picture=draw_glasses(face.image, face.landmarks, rng))
    return face


def find_landmarks(engine: Engine, image: Image) -> Floats | None:
    """(98, 2) landmarks of the one face of a portrait; None where the answers do not agree."""
    height, width = image.shape[:2]
    starts = [Crop(width * x, height * y, width * s) for x in (0.43, 0.5, 0.57)
              for y in (0.36, 0.46, 0.56) for s in (0.45, 0.62)]  # fmt: skip
    found = Finder(engine).find(image, starts)
    return None if found is None else found.landmarks
