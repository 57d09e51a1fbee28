# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faces drawn over their picture: landmarks, head axes, gaze, id and presence."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from atpn_ros import geometry, layouts
from atpn_ros.types import Face, FaceFrame, FaceState, Floats, Image

_SHIFT = 4  # OpenCV draws at 1/16 pixel
_RED, _GREEN, _BLUE = (60, 60, 240), (80, 200, 60), (240, 140, 40)
_LINE, _TEXT, _GONE = (90, 230, 250), (255, 255, 255), (60, 60, 240)


def draw(image: Image, result: FaceFrame) -> Image:
    """A copy of a BGR picture with its faces drawn in.

    Axes are the head frame's: red x out of the face, green y to the person's left, blue z upwards.
    """
    out = image.copy()
    for face in result.faces:
        _draw_face(out, face)
    return out


def caption(face: Face) -> str:
    """One line about a face: id, state, presence, angles in degrees and distance."""
    words = [f"#{face.id}", face.state.name.lower(), f"{face.presence:.2f}"]
    if face.pose is not None:
        angles = np.degrees(geometry.roll_pitch_yaw(face.pose.rotation))
        words.append("r{:+.0f} p{:+.0f} y{:+.0f}".format(*angles))
        if face.pose.position is not None:
            words.append(f"{face.pose.position[2]:.2f} m")
    return "  ".join(words)


def _draw_face(out: Image, face: Face) -> None:
    x0, y0, x1, y1 = face.box.xyxy
    scale = max(face.box.width, face.box.height)
    colour = _GONE if face.state is FaceState.LOST else _LINE
    if face.landmarks is not None:
        for line in layouts.POLYLINES98:
            _polyline(out, face.landmarks[list(line)], colour, 1)
        for pupil in (layouts.RIGHT_PUPIL, layouts.LEFT_PUPIL):
            centre = _fixed(face.landmarks[pupil])
            cv2.circle(
                out, (int(centre[0]), int(centre[1])), int(scale / 45 * 2**_SHIFT), colour, 1,
                cv2.LINE_AA, _SHIFT,
            )  # fmt: skip
    else:
        cv2.rectangle(out, (int(x0), int(y0)), (int(x1), int(y1)), colour, 1, cv2.LINE_AA)
    if face.pose is not None and face.landmarks is not None:
        origin = face.landmarks[51]
        for axis, hue in zip(face.pose.rotation.T, (_RED, _GREEN, _BLUE), strict=True):
            _polyline(out, np.stack([origin, origin + axis[:2] * scale * 0.45]), hue, 2)
    font, size = cv2.FONT_HERSHEY_SIMPLEX, max(0.4, min(0.6, scale / 300))
    text = caption(face)
    (width, height), _ = cv2.getTextSize(text, font, size, 1)
    x = int(np.clip((x0 + x1 - width) / 2, 2, max(2, out.shape[1] - width - 2)))
    y = int(np.clip(y0 - scale * 0.3, height + 4, out.shape[0] - 4))
    cv2.putText(out, text, (x, y), font, size, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(out, text, (x, y), font, size, _TEXT, 1, cv2.LINE_AA)


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    # Far outside the picture OpenCV's fixed-point numbers would overflow.
    fixed = np.round(np.clip(points, -1e5, 1e5) * 2**_SHIFT)
    return np.asarray(fixed, np.int32)


def _polyline(out: Image, points: Floats, colour: tuple[int, int, int], width: int) -> None:
    cv2.polylines(out, [_fixed(points)], False, colour, width, cv2.LINE_AA, _SHIFT)
