# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Converts faces to the messages of REP-155 (ROS4HRI): ids, regions, 70 landmarks and crops.

``types`` is the module ``hri_msgs.msg``, or an object with the same classes, so this module needs
no ROS.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.conversions.messages import Message
from atpn_ros.crop import Crop, crop_from_landmarks, cut
from atpn_ros.types import Face, FaceFrame, Image

HriTypes = Any

CROP_SIDE = 128
"""Pixels, the REP's default."""

NEAR = 0.05
"""A landmark's ``c`` is the probability that its error is below this many face sizes."""

_MARGIN = 1.2
_INDEX = np.asarray(landmark_layouts.HRI70_IN_WFLW98)


def face_id(number: int, prefix: str = "") -> str:
    """The REP-155 id of a face: begins with a letter and is valid in a topic name.

    >>> face_id(7), face_id(7, "front_"), face_id(7, "/2nd/")
    ('f7', 'front_f7', 'f_2nd_f7')
    """
    name = re.sub(r"\W", "_", prefix, flags=re.ASCII) + f"f{int(number)}"
    return name if name[0].isalpha() else f"f{name}"


def tracked(types: HriTypes, ids: Sequence[str], header: Message) -> Message:
    """The ids of the faces in an image, as ``IdsList``."""
    return types.IdsList(header=header, ids=list(ids))


def roi(types: HriTypes, face: Face, result: FaceFrame, header: Message) -> Message:
    """The box of a face in fractions of the image, clipped to it."""
    x0, y0, x1, y1 = face.box.xyxy
    # Pixels count from the centre of the first one, fractions from its corner.
    return types.NormalizedRegionOfInterest2D(
        header=header,
        xmin=_fraction(x0 + 0.5, result.width),
        ymin=_fraction(y0 + 0.5, result.height),
        xmax=_fraction(x1 + 0.5, result.width),
        ymax=_fraction(y1 + 0.5, result.height),
        c=float(np.clip(face.presence, 0, 1)),
    )


def landmarks(types: HriTypes, face: Face, result: FaceFrame, header: Message) -> Message:
    """The 70 landmarks of a tracked face, in fractions of the image.

    ``c`` is the presence times the probability that the landmark's error is below :data:`NEAR`
    (Rayleigh distribution of its sigma); 0 for a landmark outside the image, which is clipped to
    the border.

    Raises:
        ValueError: The face is lost.
    """
    points = face.landmarks
    if points is None:
        raise ValueError(f"face {face.id} is lost")
    confidence = np.full(landmark_layouts.WFLW98, float(np.clip(face.presence, 0, 1)))
    if face.sigma is not None:
        near = NEAR * max(face.box.width, face.box.height)
        confidence = confidence * (1 - np.exp(-0.5 * (near / np.maximum(face.sigma, 1e-6)) ** 2))
    size = (result.width, result.height)
    fractions = (points[_INDEX] + 0.5) / np.maximum(size, 1)
    shown = ((fractions >= 0) & (fractions <= 1)).all(axis=1)
    rows = np.column_stack([np.clip(fractions, 0, 1), np.where(shown, confidence[_INDEX], 0.0)])
    return types.FacialLandmarks(
        header=header,
        height=int(result.height),
        width=int(result.width),
        landmarks=[types.NormalizedPointOfInterest2D(x=x, y=y, c=c) for x, y, c in rows.tolist()],
    )


def cropped(image: Image, face: Face) -> Image:
    """(128, 128, 3) the square around a face, not rotated; black beyond the image."""
    side = max(face.box.width, face.box.height) * _MARGIN
    return cut(image, Crop(face.box.cx, face.box.cy, side), CROP_SIDE)


def aligned(image: Image, face: Face) -> Image:
    """(128, 128, 3) as :func:`cropped`, rotated so that the head is upright."""
    if face.landmarks is None:
        return cropped(image, face)
    return cut(image, crop_from_landmarks(face.landmarks, margin=_MARGIN), CROP_SIDE)


def _fraction(value: float, whole: int) -> float:
    return float(np.clip(value / max(whole, 1), 0, 1))
