# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The labelled faces that models are measured on: photographs and renders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros.learning.data.datasets.labelled import read_labelled
from atpn_ros.learning.data.photographs import Sample
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.evaluation.points import IBUG68, WFLW98, Layout
from atpn_ros.types import Box, Floats, Image


@dataclass(frozen=True, slots=True)
class Face:
    """One labelled face; what a set does not say is None.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        points: (layout.count, 2) pixels.
        layout: What the points are.
        name: For messages.
        subset: Which part of the set it is from.
        detection: A real detector's box.
        rotation: (3, 3) head to the crop's own camera.
        gaze: (2, 3) unit directions of the right and left eye there.
        eyes_open: Whether each eye is open enough to look.
        eyes_seen: Whether it is open and nothing hides it.
        tone: Skin tone bin, 0 light to 5 dark.
    """

    image: Image
    points: Floats
    layout: Layout
    name: str
    subset: str = ""
    detection: Box | None = None
    rotation: Floats | None = None
    gaze: Floats | None = None
    eyes_open: tuple[bool, bool] = (True, True)
    eyes_seen: tuple[bool, bool] = (True, True)
    tone: int | None = None


@dataclass(frozen=True, slots=True)
class Renders:
    """Rendered faces, and rendered pictures that hold none."""

    faces: list[Face]
    empty: list[Image]


def photographs(folder: Path, split: str) -> list[Face]:
    """The faces of :func:`atpn_ros.learning.data.datasets.labelled.read_labelled`, to measure on.

    Raises:
        DataError: A file is missing, cannot be read, or a field is not what it should be.
    """
    return [
        Face(face.image, face.points, IBUG68, face.name, face.subset, face.detection)
        for face in read_labelled(folder, split)
    ]


def renders(folder: Path) -> Renders:
    """The faces of :func:`atpn_ros.learning.data.renders.load_renders`, and the pictures without one.

    Raises:
        DataError: There is none, or a field is not what it should be.
        ArchiveError: The shards are not what their checksums say.
    """
    read = load_renders(folder)
    return Renders([_render(sample) for sample in read.faces], read.empty)


def views(pictures: Sequence[Image], count: int) -> list[Image]:
    """Square pieces of pictures that hold no face, the same in every run.

    Sides are between an eighth and a half of the picture's height.
    """
    rng = np.random.default_rng(0)
    out = []
    for i in range(count):
        picture = pictures[i % len(pictures)]
        height, width = picture.shape[:2]
        side = max(1, int(height * rng.uniform(0.125, 0.5)))
        x, y = (int(rng.integers(0, length - side + 1)) for length in (width, height))
        out.append(picture[y : y + side, x : x + side])
    return out


def _render(sample: Sample) -> Face:
    return Face(
        sample.image,
        sample.landmarks,
        WFLW98,
        sample.name,
        rotation=sample.rotation,
        gaze=sample.gaze,
        eyes_open=(bool(sample.eyes_open[0]), bool(sample.eyes_open[1])),
        eyes_seen=(bool(sample.eyes_seen[0]), bool(sample.eyes_seen[1])),
        tone=sample.tone,
    )
