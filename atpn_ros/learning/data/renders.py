# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reader of rendered faces from tar shards, or a file of packed faces, as labelled faces."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.learning.data import shards
from atpn_ros.learning.data.age_groups import age_group
from atpn_ros.learning.data.checks import DataError, numbers
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.learning.data.packed_faces import SUFFIX, load_packed_faces
from atpn_ros.learning.data.presence import faces_away
from atpn_ros.pipeline.estimator import OPEN
from atpn_ros.types import Image

_SEEN = 0.6
"""Share of an eye's lids that must be seen, with its pupil, for the eye to be."""


def load_renders(folder: Path, limit: int | None = None) -> list[LabelledFace]:
    """Read all samples of a folder of tar shards, a folder of such folders, or packed faces.

    Pictures without a face have ``presence=False``. Backs of heads and faces that are mostly
    outside their picture are left out: they are neither faces nor clear negatives.

    Args:
        folder: The shards, the parent of several such folders, or a file of packed faces.
        limit: Samples of each folder, from the first; None for all.

    Raises:
        DataError: There is none, or a field is not what it should be.
        ShardError: The shards are not what their checksums say.
    """
    if folder.suffix == SUFFIX:
        return load_packed_faces(folder)
    inner = sorted(p.parent for p in folder.glob("*/SHA256SUMS"))
    archives = inner if inner and not (folder / "SHA256SUMS").is_file() else [folder]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # decoding pictures needs no Python
        parts = pool.map(_load_archive, archives, itertools.repeat(limit))
        faces = [face for part in parts for face in part]
    if not any(face.presence for face in faces):
        raise DataError(f"{folder}: holds no shard of rendered faces")
    return faces


def _load_archive(folder: Path, limit: int | None) -> list[LabelledFace]:
    faces = []
    for image, record in itertools.islice(shards.read(folder), limit):
        where = f"{folder}: sample {record.get('index')}"
        if record.get("face") is None:
            faces.append(_negative(where, image, record))
        else:
            face = _face(where, image, record)
            if _is_visible(face):
                faces.append(face)
    return faces


def _is_visible(face: LabelledFace) -> bool:
    """Whether the face is visible rather than the back of the head, and mostly in the picture."""
    height, width = face.image.shape[:2]
    inside = (face.landmarks > -0.5).all(axis=1) & (face.landmarks < (width, height)).all(axis=1)
    ahead = face.rotation is None or not faces_away(face.rotation)
    return ahead and float(inside.mean()) >= 0.5


def _overlap(name: str, record: dict[str, Any]) -> float | None:
    """The stored overlap of the whole picture with the face's crop; None in older shards."""
    value = record.get("overlap")
    return None if value is None else float(numbers(value, (), f"{name}: overlap"))


def _negative(name: str, image: Image, record: dict[str, Any]) -> LabelledFace:
    if record.get("presence"):
        raise DataError(f"{name}: presence: is 1 in a picture without a face")
    return LabelledFace(image, None, WFLW98, name, presence=False, overlap=_overlap(name, record))


def _face(name: str, image: Image, record: dict[str, Any]) -> LabelledFace:
    face = record["face"]
    landmarks = numbers(face.get("landmarks98"), (98, 2), f"{name}: landmarks98")
    in_crop = numbers(face.get("crop_rotation"), (3, 3), f"{name}: crop_rotation")
    in_camera = numbers(face.get("rotation"), (3, 3), f"{name}: rotation")
    # The picture's camera and the crop's own differ by the ray to the face.
    gaze = numbers(face.get("gaze"), (2, 3), f"{name}: gaze") @ (in_crop @ in_camera.T).T
    gaze /= np.linalg.norm(gaze, axis=1, keepdims=True)
    lids = numbers(face.get("eyes_open"), (2,), f"{name}: eyes_open")
    visible = numbers(face.get("visible98"), (98,), f"{name}: visible98")
    is_open = [bool(v > OPEN) for v in lids]
    seen = [
        bool(visible[pupil] and visible[list(eye)].mean() > _SEEN) and opened
        for pupil, eye, opened in zip(
            (landmark_layouts.RIGHT_PUPIL, landmark_layouts.LEFT_PUPIL),
            (landmark_layouts.RIGHT_EYE, landmark_layouts.LEFT_EYE),
            is_open, strict=True,
        )
    ]  # fmt: skip
    return LabelledFace(
        image,
        landmarks,
        WFLW98,
        name,
        rotation=in_crop,
        gaze=gaze,
        eyes_open=(is_open[0], is_open[1]),
        eyes_seen=(seen[0], seen[1]),
        visible=float(visible.mean()),
        tone=None if face.get("tone") is None else int(face["tone"]),
        age_group=_age_group(name, face.get("age")),
        overlap=_overlap(name, record),
    )


def _age_group(name: str, age: Any) -> str | None:
    """The group of a stored age; None for heads without one, and in older shards."""
    if age is None:
        return None
    value = float(numbers(age, (), f"{name}: age"))
    if not 0.0 <= value <= 1.0:
        raise DataError(f"{name}: age: must be between 0 and 1, is {value}")
    return age_group(value)
