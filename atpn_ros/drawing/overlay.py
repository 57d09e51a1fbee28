# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Lines, colours and captions of a face overlay, independent of how they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.types import Face, FaceState, Floats, GazeSource

Colour = tuple[int, int, int]
"""Red, green, blue, 0..255."""

AXES: tuple[Colour, Colour, Colour] = ((240, 60, 60), (60, 200, 80), (40, 140, 240))
"""Colours of the x, y and z axes, as in RViz."""
LINES: Colour = (250, 230, 90)
LOST: Colour = (240, 60, 60)
GAZE: Colour = (250, 120, 240)

_AXIS, _RAY = 0.45, 0.8  # lengths over the face's longer side


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line: (N, 2) pixels, its colour and its width in pixels."""

    points: Floats
    colour: Colour
    width: int = 1


def colour_of(face: Face) -> Colour:
    """Colour of a face, by whether it is tracked or lost."""
    return LOST if face.state is FaceState.LOST else LINES


def size_of(face: Face) -> float:
    """The longer side of a face's box in pixels."""
    return max(face.box.width, face.box.height)


def pupils(face: Face) -> Floats:
    """(2, 2) pixels of the right and left pupil; (0, 2) for a lost face."""
    if face.landmarks is None:
        return np.empty((0, 2))
    return face.landmarks[[landmark_layouts.RIGHT_PUPIL, landmark_layouts.LEFT_PUPIL]]


def strokes(face: Face) -> Iterator[Stroke]:
    """The lines of a face in drawing order: features (or the box), head axes, gaze.

    The axes are the head frame's: red x out of the face, green y to the person's left, blue z up.
    The gaze is a ray from each pupil, thicker if it was measured from the eyes.
    """
    colour, size = colour_of(face), size_of(face)
    if face.landmarks is None:
        x0, y0, x1, y1 = face.box.xyxy
        yield Stroke(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]), colour)
        return
    for line in landmark_layouts.POLYLINES98:
        yield Stroke(face.landmarks[list(line)], colour)
    if face.pose is not None:
        origin = face.landmarks[landmark_layouts.SELLION]
        for axis, axis_colour in zip(face.pose.rotation.T, AXES, strict=True):
            yield Stroke(np.stack([origin, origin + axis[:2] * size * _AXIS]), axis_colour, 2)
    if face.gaze is not None:
        width = 2 if face.gaze.source is GazeSource.EYES else 1
        for eye in pupils(face):
            ray = np.stack([eye, eye + face.gaze.direction[:2] * size * _RAY])
            yield Stroke(ray, GAZE, width)


def caption(face: Face) -> str:
    """One line about a face: id, state, presence, angles in degrees and distance."""
    parts = [f"#{face.id}", face.state.name.lower(), f"{face.presence:.2f}"]
    if face.pose is not None:
        angles = np.degrees(geometry.head_angles(face.pose))
        parts.append("r{:+.0f} p{:+.0f} y{:+.0f}".format(*angles))
        if face.pose.position is not None:
            parts.append(f"{face.pose.position[2]:.2f} m")
    return "  ".join(parts)
