# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Moves landmarks of contour, brows and mouth to where people place them by hand.

The points of the rendered head, and those of a network that was trained on it, differ from
hand-placed ones by a few per cent of the distance between the eyes: the corners of the lips are
further out, the chin is lower. The mean difference on photographs of people who face the camera is
an offset in the head frame, with which any face of known rotation can be corrected.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.crop import crop_from_landmarks, cut_batch
from atpn_ros.engines.base import Engine
from atpn_ros.learning.data.checks import DataError, numbers
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Floats

_RIGHT, _LEFT = list(landmark_layouts.RIGHT_EYE), list(landmark_layouts.LEFT_EYE)
_CONTOUR = slice(0, 33)
_MOVED = np.r_[0:51, 76:96]
"""Contour, brows and mouth. The eyes define the frame in which the offsets are measured."""
_ROUNDS = 3
EYE_DISTANCE = float(np.linalg.norm(MEAN_HEAD[_LEFT].mean(axis=0) - MEAN_HEAD[_RIGHT].mean(axis=0)))
"""Between the middles of the mean head's eyes, metres."""


def measure_offsets(engine: Engine, faces: Iterable[LabelledFace]) -> Floats:
    """(98, 2) mean offsets from a network's answers to hand-placed landmarks, eye distances.

    The first axis is to the person's left, the second to the scalp; symmetric.

    Args:
        engine: The network.
        faces: Upright faces that face the camera, with hand-placed landmarks.
    """
    offsets = [_upright(_answer(engine, f), f.landmarks) for f in faces]
    offsets = [true - answer for answer, true in offsets]
    mean = np.zeros((98, 2))
    mean[_MOVED] = np.mean(offsets, axis=0)[_MOVED]
    mirrored = mean[list(landmark_layouts.MIRROR98)] * (-1, 1)
    return np.asarray((mean + mirrored) / 2)


def corrected(face: LabelledFace, offsets: Floats, rotation: Floats) -> LabelledFace:
    """A face with 98 landmarks, moved by offsets.

    Args:
        face: To be corrected.
        offsets: Of :func:`measure_offsets`.
        rotation: (3, 3) head to the picture.
    """
    points = face.landmarks
    across, up = rotation[:2, 1], rotation[:2, 2]
    head = MEAN_HEAD @ rotation[:2].T
    head, own = head - head.mean(axis=0), points - points.mean(axis=0)
    # Weak perspective: pixels per metre by least squares.
    scale = float((head * own).sum() / (head * head).sum()) * EYE_DISTANCE
    amount = np.ones((98, 1))
    # The contour of a turned head is another line on the head: the more the head is turned, the
    # less it is moved.
    amount[_CONTOUR] = max(0.0, -float(rotation[2, 0]))
    moves = amount * (offsets[:, :1] * across + offsets[:, 1:] * up) * scale
    return replace(face, points=points + moves)


def load_offsets(path: Path) -> Floats:
    """Offsets of :func:`measure_offsets` that ``numpy.save`` wrote.

    Raises:
        DataError: The file is missing, or holds other numbers.
    """
    try:
        return numbers(np.load(path, allow_pickle=False), (98, 2), str(path))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: not a file of offsets: {error}") from error


def _answer(engine: Engine, face: LabelledFace) -> Floats:
    crop = crop_from_landmarks(face.landmarks)
    for _ in range(_ROUNDS):
        points = crop.to_image(engine.run(cut_batch(face.image, [crop])).landmarks[0])
        crop = crop_from_landmarks(points)
    return points


def _upright(answer: Floats, true: Floats) -> tuple[Floats, Floats]:
    """Both in the frame of the true eyes: origin between them, x to the person's left, y up."""
    right, left = true[_RIGHT].mean(axis=0), true[_LEFT].mean(axis=0)
    across = (left - right) / float((left - right) @ (left - right))
    axes = np.stack([across, np.array([across[1], -across[0]])], axis=1)
    middle = (right + left) / 2
    return (answer - middle) @ axes, (true - middle) @ axes
