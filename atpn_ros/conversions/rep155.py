# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faces in the words of REP-155 (ROS4HRI): ids, regions, 70 landmarks and crops.

Its message package is not needed here: ``kinds`` is ``hri_msgs.msg``, or what has the same names.
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

Kinds = Any

CROP_SIDE = 128
"""Pixels, the REP's default."""

NEAR = 0.05
"""A landmark's ``c`` is the chance that it is within this many face sizes of its place."""

_MARGIN = 1.2
_INDEX = np.asarray(landmark_layouts.HRI70_IN_WFLW98)


def face_id(number: int, prefix: str = "") -> str:
    """The REP's id of a face: begins with a letter and may stand in a topic's name.

    >>> face_id(7), face_id(7, "front_"), face_id(7, "/2nd/")
    ('f7', 'front_f7', 'f_2nd_f7')
    """
    name = re.sub(r"\W", "_", prefix, flags=re.ASCII) + f"f{int(number)}"
    return name if name[0].isalpha() else f"f{name}"


def tracked(kinds: Kinds, ids: Sequence[str], header: Message) -> Message:
    """Which faces are seen now."""
    return kinds.IdsList(header=header, ids=list(ids))


def roi(kinds: Kinds, face: Face, result: FaceFrame, header: Message) -> Message:
    """Where a face is, in parts of the picture; what is outside of it is cut off."""
    x0, y0, x1, y1 = face.box.xyxy
    # Our pixels are counted from the middle of the first one, parts from its corner.
    return kinds.NormalizedRegionOfInterest2D(
        header=header,
        xmin=_part(x0 + 0.5, result.width),
        ymin=_part(y0 + 0.5, result.height),
        xmax=_part(x1 + 0.5, result.width),
        ymax=_part(y1 + 0.5, result.height),
        c=float(np.clip(face.presence, 0, 1)),
    )


def landmarks(kinds: Kinds, face: Face, result: FaceFrame, header: Message) -> Message:
    """The 70 points of a face that is held.

    ``c`` is the presence times the chance that the point is near its place; 0 for a point that the
    picture does not show, which is set to its border.
    """
    points, sure = (
        face.landmarks,
        np.full(landmark_layouts.WFLW98, float(np.clip(face.presence, 0, 1))),
    )
    if points is None:
        raise ValueError(f"face {face.id} is lost")
    if face.sigma is not None:
        near = NEAR * max(face.box.width, face.box.height)
        sure = sure * (1 - np.exp(-0.5 * (near / np.maximum(face.sigma, 1e-6)) ** 2))
    size = (result.width, result.height)
    parts = (points[_INDEX] + 0.5) / np.maximum(size, 1)
    shown = ((parts >= 0) & (parts <= 1)).all(axis=1)
    rows = np.column_stack([np.clip(parts, 0, 1), np.where(shown, sure[_INDEX], 0.0)])
    return kinds.FacialLandmarks(
        header=header,
        height=int(result.height),
        width=int(result.width),
        landmarks=[kinds.NormalizedPointOfInterest2D(x=x, y=y, c=c) for x, y, c in rows.tolist()],
    )


def cropped(image: Image, face: Face) -> Image:
    """(128, 128, 3) the upright square around a face; black beyond the picture."""
    side = max(face.box.width, face.box.height) * _MARGIN
    return cut(image, Crop(face.box.cx, face.box.cy, side), CROP_SIDE)


def aligned(image: Image, face: Face) -> Image:
    """(128, 128, 3) as :func:`cropped`, turned so that the head stands upright."""
    if face.landmarks is None:
        return cropped(image, face)
    return cut(image, crop_from_landmarks(face.landmarks, margin=_MARGIN), CROP_SIDE)


def _part(value: float, whole: int) -> float:
    return float(np.clip(value / max(whole, 1), 0, 1))
