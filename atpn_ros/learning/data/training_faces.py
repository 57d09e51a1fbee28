# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Prepares labelled faces for training: 98 landmarks with loss weights, and reduced images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.crop import CROP_MARGIN
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.datasets import DATA_SETS, data_set_of, read_faces, read_photographs
from atpn_ros.learning.data.face_crops import exact_crop
from atpn_ros.learning.data.face_regions import resized
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import IBUG68, WFLW98
from atpn_ros.learning.data.packed_faces import SUFFIX, load_packed_faces
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Box, Floats, Image

_STORED_SIDE = 300
"""Pictures are kept at this side: a face then spans about as many pixels as in a crop."""
_REGION = 2.5
"""Side of the region that is kept of a large picture, over the face's crop."""
_SMALLEST = 30.0
"""Longer side in pixels of the smallest box without landmarks that is trained on."""


def load_training_photographs(folder: Path, split: str) -> list[LabelledFace]:
    """Read photographs (``labels.json``) and prepare them for training.

    The 30 points that WFLW has beyond iBUG's 68 have a weight of 0 or one half. A file of packed
    faces in place of a folder is read as it is; it has no splits.

    Raises:
        DataError: A file is missing, cannot be read, or holds no 68 finite points.
    """
    if folder.suffix == SUFFIX:
        return load_packed_faces(folder)
    return [_with_98(_shrunk(face)) for face in read_photographs(folder, split)]


def load_training_faces(source: str, root: Path, complete: bool = True) -> list[LabelledFace]:
    """Read and prepare the training split of ``KIND:FOLDER``, pictures without a face included.

    Of a large picture the region around the face is kept. A face without landmarks gets those of
    the mean head in its box, all with weight 0, so that it can be cropped; it trains presence, and
    the rotation where that is labelled.

    Args:
        source: A name of :data:`atpn_ros.learning.data.datasets.DATA_SETS`, and a folder.
        root: The folder that the source's is below.
        complete: Whether the number of faces must be the published one.

    Raises:
        DataError: The data set cannot be used, or is for evaluation only.
    """
    kind, folder = data_set_of(source)
    split = DATA_SETS[kind].train
    if split is None:
        raise DataError(f"{source}: {DATA_SETS[kind].title} is for evaluation only")
    if kind == "photographs":
        return load_training_photographs(root / folder, split)
    faces = read_faces(kind, root / folder, split, complete)
    if kind == "renders":
        return faces
    return [_prepared(face) for face in faces if _can_train(face)]


def negatives(faces: Iterable[LabelledFace]) -> list[Image]:
    """The pictures without a face."""
    return [face.image for face in faces if not face.presence]


def positives(faces: Iterable[LabelledFace]) -> list[LabelledFace]:
    """The faces alone."""
    return [face for face in faces if face.presence]


def _can_train(face: LabelledFace) -> bool:
    if not face.presence or face.points is not None:
        return True
    box = face.box
    return (
        box is not None and "invalid" not in face.tags and (max(box.width, box.height) >= _SMALLEST)
    )


def _prepared(face: LabelledFace) -> LabelledFace:
    if not face.presence:
        return replace(face, picture=face.image)
    face = _shrunk(_region(face))
    if face.points is None:
        return _with_mean_head(face)
    return face if face.layout == WFLW98 else _with_98(face)


def _region(face: LabelledFace) -> LabelledFace:
    """The face with the part of its picture around it."""
    image, crop = face.image, exact_crop(face)
    reach = crop.side * _REGION / 2
    height, width = image.shape[:2]
    x0, x1 = (int(np.clip(v, 0, width)) for v in (crop.cx - reach, crop.cx + reach))
    y0, y1 = (int(np.clip(v, 0, height)) for v in (crop.cy - reach, crop.cy + reach))
    if x1 <= x0 or y1 <= y0:
        raise DataError(f"{face.name}: the face lies outside its picture")
    moved = None if face.points is None else face.points - (x0, y0)
    box = face.box
    return replace(
        face,
        picture=np.ascontiguousarray(image[y0:y1, x0:x1]),
        points=moved,
        box=None if box is None else Box(box.cx - x0, box.cy - y0, box.width, box.height),
    )


def _shrunk(face: LabelledFace) -> LabelledFace:
    """The face with its picture at most :data:`_STORED_SIDE` pixels wide and high."""
    return resized(face, _STORED_SIDE / max(face.image.shape[:2]))


def _with_98(face: LabelledFace) -> LabelledFace:
    if face.layout != IBUG68:
        raise DataError(f"{face.name}: {face.layout.name} landmarks cannot be trained on")
    points, weights = complete_landmarks(face.landmarks)
    return replace(face, points=points, weights=weights, layout=WFLW98)


def _with_mean_head(face: LabelledFace) -> LabelledFace:
    """A face without landmarks, with those of the mean head in its box and weights of 0."""
    rotation = geometry.FACING if face.rotation is None else face.rotation
    points = (MEAN_HEAD @ rotation.T)[:, :2]
    crop = exact_crop(face)
    middle, size = (points.max(axis=0) + points.min(axis=0)) / 2, np.ptp(points, axis=0).max()
    points = (points - middle) * (crop.side / CROP_MARGIN / size) + (crop.cx, crop.cy)
    return replace(face, points=points, weights=np.zeros(98), layout=WFLW98)


def complete_landmarks(points68: Floats) -> tuple[Floats, Floats]:
    """(98, 2) WFLW landmarks of (68, 2) annotated iBUG points, and their (98,) weights.

    The contour's and lids' points in between are interpolated and weigh one half: they keep the
    curves smooth. The brows' lower edges lie on the annotated middles and the pupils in the middle
    of the lids; both weigh nothing.
    """
    out, weights = np.zeros((98, 2)), np.zeros(98)
    annotated = np.asarray(landmark_layouts.IBUG68_IN_WFLW98)
    out[annotated], weights[annotated] = points68, 1.0
    ends = (2 * out[0] - out[2], 2 * out[32] - out[30])
    even = np.concatenate([ends[:1], out[0:33:2], ends[1:]])
    # Catmull-Rom midpoints of the annotated contour.
    out[1:33:2] = (9 * (even[1:-2] + even[2:-1]) - even[:-3] - even[3:]) / 16
    weights[1:33:2] = 0.5
    for upper, lower in landmark_layouts.BROW_EDGES98:
        out[lower] = out[upper]
    for a, b, c, d, middle in ((60, 61, 63, 64, 62), (64, 65, 67, 60, 66), (68, 69, 71, 72, 70),
                               (72, 73, 75, 68, 74)):  # fmt: skip
        out[middle] = (9 * (out[b] + out[c]) - out[a] - out[d]) / 16
        weights[middle] = 0.5
    out[landmark_layouts.RIGHT_PUPIL] = out[60:68].mean(axis=0)
    out[landmark_layouts.LEFT_PUPIL] = out[68:76].mean(axis=0)
    return out, weights
