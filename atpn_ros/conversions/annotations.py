# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Converts faces to ``foxglove_msgs/ImageAnnotations``: lines, circles and text over the image.

Foxglove draws them over the camera's image, so no second image is published. Fields that only some
releases of ``foxglove_msgs`` have are set where they exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from atpn_ros.conversions.messages import Message
from atpn_ros.drawing.labels import Label, place_labels
from atpn_ros.drawing.overlay import Colour, rings, strokes
from atpn_ros.types import Face, FaceFrame, Floats

FoxgloveTypes = Any
"""The module ``foxglove_msgs.msg``, or an object with the same classes."""

_STRIP = 3  # PointsAnnotation.LINE_STRIP
_FONT_SIZE = 12.0
_CORNER = 0.5
"""Foxglove's origin is the corner of the first pixel, this package's is its centre."""


def image_annotations(types: FoxgloveTypes, result: FaceFrame, header: Message) -> Message:
    """The annotations of one frame; empty without faces, which clears the image."""
    message = types.ImageAnnotations()
    if hasattr(message, "timestamp"):  # since 2025
        message.timestamp = header.stamp
    for face in result.faces:
        _add_face(types, message, face, header.stamp)
    for label in place_labels(
        result.faces, result.width, result.height, _text_size, two_lines=False
    ):
        message.texts.append(_text(types, label, header.stamp))
    return message


def _add_face(types: FoxgloveTypes, message: Message, face: Face, stamp: Message) -> None:
    for stroke in strokes(face):
        line = types.PointsAnnotation(timestamp=stamp, type=_STRIP, thickness=float(stroke.width))
        line.points = [_point(types, p) for p in stroke.points]
        line.outline_color = _colour(types, stroke.colour)
        message.points.append(line)
    for ring in rings(face):
        circle = types.CircleAnnotation(timestamp=stamp, thickness=float(ring.width))
        circle.position, circle.diameter = _point(types, ring.centre), 2 * ring.radius
        circle.outline_color = _colour(types, ring.colour)
        message.circles.append(circle)


def _text(types: FoxgloveTypes, label: Label, stamp: Message) -> Message:
    text = types.TextAnnotation(timestamp=stamp, text=label.lines[0], font_size=_FONT_SIZE)
    x0, _, _, y1 = label.box.xyxy  # Foxglove's position is the lower left corner
    text.position = types.Point2(x=x0 + _CORNER, y=y1 + _CORNER)
    text.text_color = _colour(types, (255, 255, 255))
    text.background_color = _colour(types, (0, 0, 0), 0.5)
    return text


def _text_size(lines: Sequence[str], face: Face) -> tuple[float, float]:
    """Width and height of text in Foxglove's font, about."""
    return max(map(len, lines)) * 0.6 * _FONT_SIZE, 1.3 * _FONT_SIZE


def _point(types: FoxgloveTypes, point: Floats) -> Message:
    return types.Point2(x=float(point[0]) + _CORNER, y=float(point[1]) + _CORNER)


def _colour(types: FoxgloveTypes, colour: Colour, alpha: float = 1.0) -> Message:
    r, g, b = (v / 255 for v in colour)
    return types.Color(r=r, g=g, b=b, a=alpha)
