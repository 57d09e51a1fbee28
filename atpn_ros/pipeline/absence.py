# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Matches new faces to people who turned away or were hidden for some seconds.

No appearance is compared: a face that appears where one was lost is taken for the same person if
positions and motions exclude every other one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from atpn_ros.types import Box

_REACH = 1.0
"""How far a person who stays moves while turned away, along each axis, in sizes of the face."""

_RIVAL_REACH = 2.0
"""How far another lost person may be from the path of their motion, in face sizes."""

_STILL = 1.5
"""Speed, in face sizes per second, above which a person was walking and has left their place."""

_BORDER = 0.1
"""A face this close to the picture's border, in face sizes, may be leaving or have just entered."""

_RATIO, _RIVAL_RATIO = 1.5, 2.0
"""Largest ratio of the sizes of one person's face before and after."""


@dataclass(frozen=True, slots=True)
class LostFace:
    """A face that is no longer tracked.

    Attributes:
        box: Where it was last, pixels.
        velocity: (x, y) pixels per second at that time.
        lost_ns: Time since then.
    """

    box: Box
    velocity: tuple[float, float]
    lost_ns: int


def sole_matches(
    lost: Sequence[LostFace], new: Sequence[Box], picture: tuple[int, int] | None
) -> dict[int, int]:
    """Pairs of new and lost faces that exclude every other pair.

    A pair matches if the person stood still when lost, the new face has about the same place and
    size, neither is at the picture's border, no other lost face can have moved there, and no other
    new face can be the same person.

    Args:
        lost: All lost faces that may return.
        new: Boxes of the new faces, pixels.
        picture: Width and height of the picture in pixels; None if there is no border.

    Returns:
        The index of the lost face for the index of each new face that matches.
    """
    out = {}
    for i, box in enumerate(new):
        if _at_border(box, picture):
            continue
        for j, face in enumerate(lost):
            if _at_border(face.box, picture) or not _stayed(face, box):
                continue
            others = [(face, b) for n, b in enumerate(new) if n != i]
            others += [(rival, box) for m, rival in enumerate(lost) if m != j]
            if not any(_can_reach(who, where) for who, where in others):
                out[i] = j
    return out


def _size(box: Box) -> float:
    return max(box.width, box.height, 1.0)


def _ratio(a: Box, b: Box) -> float:
    return math.exp(abs(math.log(_size(a) / _size(b))))


def _stayed(face: LostFace, box: Box) -> bool:
    """Whether a face at ``box`` can be the lost person, who stood still."""
    size = _size(face.box)
    apart = max(abs(box.cx - face.box.cx), abs(box.cy - face.box.cy))
    speed = math.hypot(*face.velocity)
    return apart <= _REACH * size and speed <= _STILL * size and _ratio(face.box, box) <= _RATIO


def _can_reach(face: LostFace, box: Box) -> bool:
    """Whether a face at ``box`` might be the lost person, walking or not."""
    # The nearest point of the path at the last velocity.
    dx, dy = box.cx - face.box.cx, box.cy - face.box.cy
    vx, vy = (v * face.lost_ns * 1e-9 for v in face.velocity)
    length = vx * vx + vy * vy
    share = min(1.0, max(0.0, (dx * vx + dy * vy) / length)) if length > 0 else 0.0
    apart = math.hypot(dx - share * vx, dy - share * vy)
    return apart <= _RIVAL_REACH * _size(face.box) and _ratio(face.box, box) <= _RIVAL_RATIO


def _at_border(box: Box, picture: tuple[int, int] | None) -> bool:
    if picture is None:
        return False
    x0, y0, x1, y1 = box.xyxy
    margin = _BORDER * _size(box)
    width, height = picture
    return min(x0, y0) < margin or x1 > width - margin or y1 > height - margin
