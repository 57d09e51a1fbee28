# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Converts faces to ``visualization_msgs/MarkerArray`` for RViz: heads, axes, gazes and ids.

No state is kept between images: the markers of a tracked face are sent with every image, those of a
lost face are deleted, and those of tracks dropped at a jump in time expire after their lifetime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.conversions import messages
from atpn_ros.conversions.messages import Message
from atpn_ros.drawing import overlay
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Face, FaceFrame, FaceState, Floats

LIFETIME_NS = 1_000_000_000
"""A marker that is not sent again disappears after this time."""

_ARROW, _LIST, _TEXT = 0, 5, 9  # as Marker.msg numbers them
_ADD, _DELETE = 0, 2

_AXIS, _RAY = 0.1, 0.6  # metres

_SEGMENTS = np.array([p for line in landmark_layouts.POLYLINES98 for p in pairwise(line)])


@dataclass(frozen=True, slots=True)
class MarkerTypes:
    """Constructors of the messages, those of ROS or others with the same fields."""

    ColorRGBA: Callable[..., Any]
    Header: Callable[..., Any]
    Marker: Callable[..., Any]
    MarkerArray: Callable[..., Any]
    Point: Callable[..., Any]


NAMESPACES = ("faces", "axes", "gazes", "ids")


def markers(
    types: MarkerTypes, result: FaceFrame, header: Message, head_scale: float = 1.0
) -> Message:
    """The markers of one frame, in the image's coordinate frame.

    Only faces with a known position have markers: without a calibrated camera, or without a
    frame_id, the array is empty.
    """
    message = types.MarkerArray()
    parent = messages.parent_header(types.Header, header)
    if parent is None:
        return message
    for face in result.faces:
        message.markers.extend(_face_markers(types, face, parent, head_scale))
    return message


def _face_markers(
    types: MarkerTypes, face: Face, header: Message, scale: float
) -> Iterable[Message]:
    def blank(namespace: str) -> Message:
        marker = types.Marker(header=header, ns=namespace, id=int(face.id), action=_ADD)
        messages.set_time(marker.lifetime, LIFETIME_NS)
        marker.pose.orientation.w = 1.0
        return marker

    if face.state is FaceState.LOST:
        for namespace in NAMESPACES:
            marker = blank(namespace)
            marker.action = _DELETE
            yield marker
    if face.pose is None or face.pose.position is None:
        return
    rotation, position = face.pose.rotation, face.pose.position
    lines = blank("faces")
    lines.type, lines.scale.x = _LIST, 0.002
    lines.color = _colour(types, overlay.LINES, 0.4 + 0.6 * float(np.clip(face.presence, 0, 1)))
    lines.points = _points(types, (MEAN_HEAD * scale)[_SEGMENTS.ravel()] @ rotation.T + position)
    yield lines

    axes = blank("axes")
    axes.type, axes.scale.x = _LIST, 0.006
    axes.color = _colour(types, overlay.LINES)
    ends = position + rotation.T * _AXIS
    axes.points = _points(types, np.array([p for end in ends for p in (position, end)]))
    axes.colors = [_colour(types, hue) for hue in overlay.AXES for _ in range(2)]
    yield axes

    if face.gaze is not None:
        gaze = blank("gazes")
        gaze.type = _ARROW
        gaze.scale.x, gaze.scale.y, gaze.scale.z = 0.008, 0.02, 0.04
        gaze.color = _colour(
            types, overlay.gaze_colour(face.gaze), 0.3 + 0.7 * float(face.gaze.confidence)
        )
        pupils = (
            MEAN_HEAD[[landmark_layouts.RIGHT_PUPIL, landmark_layouts.LEFT_PUPIL]].mean(axis=0)
            * scale
        )
        eyes = rotation @ pupils + position
        gaze.points = _points(types, np.stack([eyes, eyes + face.gaze.direction * _RAY]))
        yield gaze

    words = blank("ids")
    words.type, words.scale.z = _TEXT, 0.05
    words.color = _colour(types, (255, 255, 255))
    words.text = f"#{face.id}"
    messages.set_xyz(words.pose.position, position + rotation[:, 2] * 0.12 * scale)
    yield words


def _points(types: MarkerTypes, points: Floats) -> list[Message]:
    return [types.Point(x=x, y=y, z=z) for x, y, z in points.tolist()]


def _colour(types: MarkerTypes, colour: overlay.Colour, alpha: float = 1.0) -> Message:
    r, g, b = (v / 255 for v in colour)
    return types.ColorRGBA(r=r, g=g, b=b, a=float(alpha))
