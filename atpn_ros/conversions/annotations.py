# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faces as Foxglove's ``ImageAnnotations``: lines over the camera's own picture, not a second one.

Fields that not every release of ``foxglove_msgs`` has are filled where they are.
"""

from __future__ import annotations

from typing import Any

from atpn_ros.conversions.messages import Message
from atpn_ros.drawing.overlay import Colour, caption, colour_of, pupils, size_of, strokes
from atpn_ros.types import Face, FaceFrame, Floats

Kinds = Any
"""``foxglove_msgs.msg``, or what has the same names."""

_STRIP = 3  # PointsAnnotation.LINE_STRIP
_CORNER = 0.5
"""Foxglove counts from the first pixel's corner, this package from its middle."""


def image_annotations(kinds: Kinds, result: FaceFrame, header: Message) -> Message:
    """The lines and words of one frame; empty, which clears the picture, without faces."""
    message = kinds.ImageAnnotations()
    if hasattr(message, "timestamp"):  # since 2025
        message.timestamp = header.stamp
    for face in result.faces:
        _add(kinds, message, face, header.stamp)
    return message


def _add(kinds: Kinds, message: Message, face: Face, stamp: Message) -> None:
    for stroke in strokes(face):
        line = kinds.PointsAnnotation(timestamp=stamp, type=_STRIP, thickness=float(stroke.width))
        line.points = [_point(kinds, p) for p in stroke.points]
        line.outline_color = _colour(kinds, stroke.colour)
        message.points.append(line)
    for pupil in pupils(face):
        circle = kinds.CircleAnnotation(timestamp=stamp, thickness=1.0)
        circle.position, circle.diameter = _point(kinds, pupil), size_of(face) / 22
        circle.outline_color = _colour(kinds, colour_of(face))
        message.circles.append(circle)
    text = kinds.TextAnnotation(timestamp=stamp, text=caption(face), font_size=12.0)
    x0, y0, _, _ = face.box.xyxy
    text.position = kinds.Point2(x=x0 + _CORNER, y=y0 - 0.1 * size_of(face) + _CORNER)
    text.text_color = _colour(kinds, (255, 255, 255))
    text.background_color = _colour(kinds, (0, 0, 0), 0.5)
    message.texts.append(text)


def _point(kinds: Kinds, point: Floats) -> Message:
    return kinds.Point2(x=float(point[0]) + _CORNER, y=float(point[1]) + _CORNER)


def _colour(kinds: Kinds, colour: Colour, alpha: float = 1.0) -> Message:
    r, g, b = (v / 255 for v in colour)
    return kinds.Color(r=r, g=g, b=b, a=alpha)
