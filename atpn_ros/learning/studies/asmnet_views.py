# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the training data of the ASMNet study: augmented crops of photographs and their targets.

All rows of a study use the same crops in the same order. The smoothed targets of the shape model
depend on labels alone, so they are computed here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from atpn_ros import geometry, landmark_layouts
from atpn_ros.crop import Crop, crop_from_landmarks, cut
from atpn_ros.detectors.base import square_of
from atpn_ros.learning.data.augment import degrade, occlude
from atpn_ros.learning.data.head_point_model import HeadPointModel, fit
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.networks.asmnet import to_asmnet
from atpn_ros.learning.networks.asmnet_deployed import FULL_ANGLE
from atpn_ros.learning.studies.shape_model import ShapeModel
from atpn_ros.types import Floats, Image

_TURN = 0.55
"""Largest rotation of a crop to either side in radians, as published."""

_MIRROR68 = np.array(
    [
        landmark_layouts.IBUG68_IN_WFLW98.index(landmark_layouts.MIRROR98[i])
        for i in landmark_layouts.IBUG68_IN_WFLW98
    ]
)


class View(NamedTuple):
    """One augmented crop (S, S, 3), its landmarks (68, 2) in 0..1 and angles (3,)."""

    crop: Image
    landmarks: Floats
    angles: Floats


@dataclass(frozen=True, slots=True)
class Views:
    """V augmented crops of each of N faces, with training targets.

    Attributes:
        crops: (V, N, S, S, 3) uint8 BGR.
        landmarks: (V, N, 68, 2) in ASMNet's coordinates.
        smoothed: (V, N, 68, 2) the same, smoothed by the shape model.
        angles: (V, N, 3) yaw, pitch, roll in units of 65 degrees.
        modes: Number of modes of the shape model.
    """

    crops: Tensor
    landmarks: Tensor
    smoothed: Tensor
    angles: Tensor
    modes: int


def make_views(
    samples: list[LabelledFace],
    head: HeadPointModel,
    size: int,
    count: int,
    kept: float,
    seed: int = 0,
) -> Views:
    """Make ``count`` augmented crops of each photograph, and their targets.

    The angles come from a head model fitted to the annotated points; they are not measurements.

    Args:
        samples: Photographs with 68 annotated points.
        head: Morphable head that is fitted to them.
        size: Side of the crops in pixels.
        count: Number of crops of each.
        kept: Fraction of the labels' variance that the shape model keeps.
        seed: Of the random numbers.
    """
    rotations = [fit(head, landmark_layouts.to_ibug68(s.landmarks)).rotation for s in samples]
    crops = np.empty((count, len(samples), size, size, 3), np.uint8)
    landmarks = np.empty((count, len(samples), 68, 2))
    angles = np.empty((count, len(samples), 3))
    for v in range(count):
        rng = np.random.default_rng((seed, v))
        for i, (sample, rotation) in enumerate(zip(samples, rotations, strict=True)):
            crops[v, i], landmarks[v, i], angles[v, i] = make_view(sample, rotation, size, rng)
    labels = to_asmnet(torch.from_numpy(landmarks)).numpy().reshape(-1, 68, 2)
    model = ShapeModel.fit(labels, kept)
    smoothed = model.smooth(labels).reshape(landmarks.shape)
    return Views(
        torch.from_numpy(crops),
        torch.from_numpy(labels.reshape(landmarks.shape)).float(),
        torch.from_numpy(smoothed).float(),
        torch.from_numpy(angles).float(),
        len(model.modes),
    )


def make_view(sample: LabelledFace, rotation: Floats, size: int, rng: np.random.Generator) -> View:
    """One random crop: rotated, shifted and scaled; half are mirrored, half degraded."""
    crop = _crop(sample, rng)
    picture = cut(sample.image, crop, size)
    points = crop.to_crop(landmark_layouts.to_ibug68(sample.landmarks))
    turned = geometry.about_z(-crop.angle) @ rotation
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
        points = (points * (-1, 1) + (1, 0))[_MIRROR68]
        turned = turned * np.outer((-1, 1, 1), (1, -1, 1))
    if rng.random() < 0.5:
        picture = degrade(occlude(picture, rng), rng)
    roll, pitch, yaw = geometry.roll_pitch_yaw(turned)
    return View(picture, points, np.array([yaw, pitch, roll]) / FULL_ANGLE)


def _crop(sample: LabelledFace, rng: np.random.Generator) -> Crop:
    angle = float(rng.uniform(-_TURN, _TURN))
    if sample.detection is not None and rng.random() < 0.3:
        start = square_of(sample.detection)
    else:
        start = crop_from_landmarks(sample.landmarks, angle)
    dx, dy = (float(d) for d in rng.normal(0, 0.05, 2) * start.side)
    factor = float(np.exp(rng.normal(0, 0.1)))
    return Crop(start.cx + dx, start.cy + dy, start.side * factor, angle)
