# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Converts faces to ``foxglove_msgs/ImageAnnotations``: lines, circles and text over the image.

Foxglove draws them over the camera's image, so no second image is published. Fields that only some
releases of ``foxglove_msgs`` have are set where they exist.
"""

from __future__ import annotations

from typing import Any

from atpn_ros.conversions.messages import Message
from atpn_ros.drawing.overlay import Colour, caption, colour_of, pupils, size_of, strokes
from atpn_ros.types import Face, FaceFrame, Floats

FoxgloveTypes = Any
"""The module ``foxglove_msgs.msg``, or an object with the same classes."""

_STRIP = 3  # PointsAnnotation.LINE_STRIP
_CORNER = 0.5
"""Foxglove's origin is the corner of the first pixel, this package's is its centre."""


def image_annotations(types: FoxgloveTypes, result: FaceFrame, header: Message) -> Message:
    """The annotations of one frame; empty without faces, which clears the image."""
    message = types.ImageAnnotations()
    if hasattr(message, "timestamp"):  # since 2025
        message.timestamp = header.stamp
    for face in result.faces:
        _add_face(types, message, face, header.stamp)
    return message


def _add_face(types: FoxgloveTypes, message: Message, face: Face, stamp: Message) -> None:
    for stroke in strokes(face):
        line = types.PointsAnnotation(timestamp=stamp, type=_STRIP, thickness=float(stroke.width))
        line.points = [_point(types, p) for p in stroke.points]
        line.outline_color = _colour(types, stroke.colour)
        message.points.append(line)
    for pupil in pupils(face):
        circle = types.CircleAnnotation(timestamp=stamp, thickness=1.0)
        circle.position, circle.diameter = _point(types, pupil), size_of(face) / 22
        circle.outline_color = _colour(types, colour_of(face))
        message.circles.append(circle)
    text = types.TextAnnotation(timestamp=stamp, text=caption(face), font_size=12.0)
    x0, y0, _, _ = face.box.xyxy
    text.position = types.Point2(x=x0 + _CORNER, y=y0 - 0.1 * size_of(face) + _CORNER)
    text.text_color = _colour(types, (255, 255, 255))
    text.background_color = _colour(types, (0, 0, 0), 0.5)
    message.texts.append(text)


def _point(types: FoxgloveTypes, point: Floats) -> Message:
    return types.Point2(x=float(point[0]) + _CORNER, y=float(point[1]) + _CORNER)


def _colour(types: FoxgloveTypes, colour: Colour, alpha: float = 1.0) -> Message:
    r, g, b = (v / 255 for v in colour)
    return types.Color(r=r, g=g, b=b, a=alpha)
