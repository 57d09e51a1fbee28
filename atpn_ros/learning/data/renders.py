# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered faces as the trainer wants them, from the shards that ``atpn synth --shards`` writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.datasets.record import DataError, numbers
from atpn_ros.learning.data.photographs import Sample
from atpn_ros.pipeline.estimator import OPEN
from atpn_ros.types import Image

FACING_AWAY = 0.17
"""z of the head's x axis in its own camera: above it (100 degrees) one sees the back of a head."""


_SEEN = 0.6
"""Share of an eye's lids that must be seen, with its pupil, for the eye to be."""


@dataclass(frozen=True, slots=True)
class Renders:
    """Rendered faces, and rendered pictures that hold none."""

    faces: list[Sample]
    empty: list[Image]


def load_renders(folder: Path) -> Renders:
    """All samples of a folder of tar shards, as ``atpn synth --shards`` writes them, or of several.

    Left out are backs of heads and faces that are mostly outside their picture: neither there nor
    not there.

    Raises:
        DataError: There is none, or a field is not what it should be.
        ShardError: The shards are not what their checksums say.
    """
    from atpn_ros.learning.synth.output import shards

    faces, empty = [], []
    # A folder of archives is as good as one.
    inner = sorted(p.parent for p in folder.glob("*/SHA256SUMS"))
    archives = inner if inner and not (folder / "SHA256SUMS").is_file() else [folder]
    for part, (image, record) in ((a, sample) for a in archives for sample in shards.read(a)):
        where = f"{part}: sample {record.get('index')}"
        if record.get("face") is None:
            empty.append(image)
        else:
            face = _sample(where, image, record["face"])
            if _shown(face):
                faces.append(face)
    if not faces:
        raise DataError(f"{folder}: holds no shard of rendered faces")
    return Renders(faces, empty)


def _shown(face: Sample) -> bool:
    """Whether one sees the face rather than the back of the head, and most of it."""
    height, width = face.image.shape[:2]
    inside = (face.landmarks > -0.5).all(axis=1) & (face.landmarks < (width, height)).all(axis=1)
    ahead = face.rotation is None or float(face.rotation[2, 0]) < FACING_AWAY
    return ahead and float(inside.mean()) >= 0.5


def _sample(name: str, image: Image, face: dict[str, Any]) -> Sample:
    landmarks = numbers(face.get("landmarks98"), (98, 2), f"{name}: landmarks98")
    in_crop = numbers(face.get("crop_rotation"), (3, 3), f"{name}: crop_rotation")
    in_camera = numbers(face.get("rotation"), (3, 3), f"{name}: rotation")
    # The picture's camera and the crop's own differ by the ray to the face.
    gaze = numbers(face.get("gaze"), (2, 3), f"{name}: gaze") @ (in_crop @ in_camera.T).T
    gaze /= np.linalg.norm(gaze, axis=1, keepdims=True)
    lids = numbers(face.get("eyes_open"), (2,), f"{name}: eyes_open")
    visible = numbers(face.get("visible98"), (98,), f"{name}: visible98")
    is_open = [float(v > OPEN) for v in lids]
    seen = [
        float(visible[pupil] and visible[list(eye)].mean() > _SEEN) * opened
        for pupil, eye, opened in zip(
            (landmark_layouts.RIGHT_PUPIL, landmark_layouts.LEFT_PUPIL), (landmark_layouts.RIGHT_EYE, landmark_layouts.LEFT_EYE),
            is_open, strict=True,
        )
    ]  # fmt: skip
    return Sample(
        image, landmarks, np.ones(98), in_crop, None, name, gaze, (is_open[0], is_open[1]),
        (seen[0], seen[1]), tone=None if face.get("tone") is None else int(face["tone"]),
    )  # fmt: skip
