# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Prepares people who were cut out of photographs as training faces.

Landmarks are hand-placed where the set has points (London, Canada). Elsewhere they come from this
package's own network, corrected to the convention of the hand-placed ones, with a weight of one
half. The rotation is labelled where a set gives the yaw: the mean of the network's estimates,
turned half of the way to that yaw, since people only roughly turn their heads as asked.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from atpn_ros import geometry
from atpn_ros.crop import Crop, crop_from_landmarks, cut_batch, upright_angle
from atpn_ros.engines.base import Engine
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.cutouts import Cutout, load_cutouts
from atpn_ros.learning.data.eyes import INTO_LENS
from atpn_ros.learning.data.face_regions import landmark_region
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.landmark_convention import corrected, measure_offsets
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.learning.data.photograph_landmarks import mirrored_crop
from atpn_ros.types import Floats, Image

HAND_PLACED = ("faces_london", "faces_canada")
"""Sets with hand-placed points, whose people also look into the lens."""
_OWN_WEIGHT = 0.5
_VIEWS = {"left_profile": -90.0, "left_3quarter": -45.0, "right_3quarter": 45.0,
          "right_profile": 90.0}  # fmt: skip
"""Yaw of the London views, degrees, positive to the picture's right."""
_REGION = 1.25
"""Margin that is kept around the landmarks' box, in longer sides of it."""
_TURNS = (0.0, 0.12, -0.12)
_STEEP = 60.0
"""Tilt in degrees from which a yaw is not used as a label."""


def load_cutout_faces(path: Path, root: Path, engine: Engine) -> tuple[list[LabelledFace], Floats]:
    """The training people of a file of cut-outs, each with its opacity.

    Args:
        path: File of :func:`atpn_ros.learning.data.cutouts.save_cutouts`.
        root: Folder of the data sets that were cut out, for ``pointing04/labels.json``.
        engine: The network that estimates rotations.

    Returns:
        The faces, and the (98, 2) offsets from the network's landmarks to the hand-placed ones, see
        :func:`atpn_ros.learning.data.landmark_convention.measure_offsets`; 0 without such sets.

    Raises:
        DataError: A file is missing or damaged.
    """
    pans = _pointing_yaws(root / "pointing04" / "labels.json")
    cutouts = load_cutouts(path, held_out=False)
    placed = [_region(c) for c in cutouts if c.name.split("/")[0] in HAND_PLACED]
    offsets = measure_offsets(engine, placed) if placed else np.zeros((98, 2))
    return [_face(cutout, pans, offsets, engine) for cutout in cutouts], offsets


def _face(cutout: Cutout, pans: dict[str, float], offsets: Floats, engine: Engine) -> LabelledFace:
    kind, file = cutout.name.split("/")
    face = _region(cutout)
    if kind in HAND_PLACED:
        return replace(face, gaze=INTO_LENS)
    rotation = read_rotation(engine, face)
    face = corrected(replace(face, weights=np.full(98, _OWN_WEIGHT)), offsets, rotation)
    view = next((yaw for name, yaw in _VIEWS.items() if kind.endswith(name)), None)
    yaw = pans.get(file) if kind == "pointing04" else view
    if yaw is None:
        return face
    gaze = None
    if kind.endswith("3quarter"):
        # Asked to look straight ahead, with the camera 45 degrees aside.
        gaze = np.tile((np.sin(np.radians(yaw)), 0.0, -np.cos(np.radians(yaw))), (2, 1))
    return replace(face, rotation=_half_way(rotation, yaw), gaze=gaze)


def _region(cutout: Cutout) -> LabelledFace:
    """The face with the part of its picture around it, and the person's opacity there."""
    pixels = cutout.sprite.image
    whole = LabelledFace(
        pixels[..., :3], cutout.landmarks, WFLW98, cutout.name, opacity=pixels[..., 3]
    )
    return landmark_region(whole, _REGION)


def read_rotation(engine: Engine, face: LabelledFace) -> Floats:
    """(3, 3) mean of a network's answers to turned crops and to the mirrored picture."""
    image, points = face.image, face.landmarks
    mirrored = np.ascontiguousarray(image[:, ::-1])
    upright, width = upright_angle(points), image.shape[1]
    crops = [crop_from_landmarks(points, upright + turn) for turn in _TURNS]
    flipped = [mirrored_crop(c, width) for c in crops]
    plain, other = _rotations(engine, image, crops), _rotations(engine, mirrored, flipped)
    other = other * np.outer((-1, 1, 1), (1, -1, 1))
    return geometry.nearest_rotation(np.concatenate([plain, other]).mean(axis=0))


def _rotations(engine: Engine, image: Image, crops: list[Crop]) -> Floats:
    read = engine.run(cut_batch(image, crops)).rotation
    return np.stack([geometry.about_z(c.angle) @ r for c, r in zip(crops, read, strict=True)])


def _half_way(rotation: Floats, yaw: float) -> Floats:
    """A head's rotation, turned about the vertical half of the way to a yaw in degrees."""
    turn = np.radians(yaw) - np.arctan2(rotation[0, 0], -rotation[2, 0])
    turn = np.arctan2(np.sin(turn), np.cos(turn)) / 2  # the shorter way round
    return np.asarray(geometry.about_y(-turn) @ rotation)


def _pointing_yaws(path: Path) -> dict[str, float]:
    """Yaw in degrees of the photographs of Pointing'04 whose head is not far up or down."""
    try:
        rows = json.loads(path.read_text())
        return {str(r["file"]): -float(r["pan"]) for r in rows if abs(float(r["tilt"])) < _STEEP}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected records with file, pan and tilt: {error}") from error
