# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faces drawn over their picture: landmarks, head axes, gaze, id and presence; and a sparkline."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from atpn_ros import geometry, layouts
from atpn_ros.types import Face, FaceFrame, FaceState, Floats, GazeSource, Image

_SHIFT = 4  # OpenCV draws at 1/16 pixel
_RED, _GREEN, _BLUE = (60, 60, 240), (80, 200, 60), (240, 140, 40)
_LINE, _TEXT, _GONE = (90, 230, 250), (255, 255, 255), (60, 60, 240)
_GAZE, _SHADE = (240, 120, 250), (40, 36, 34)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(image: Image, result: FaceFrame) -> Image:
    """A copy of a BGR picture with its faces drawn in.

    Axes are the head frame's: red x out of the face, green y to the person's left, blue z upwards.
    The gaze is a ray from each pupil, thicker where the eyes themselves were measured.
    """
    out = image.copy()
    for face in result.faces:
        _draw_face(out, face)
    return out


def sparkline(image: Image, values_ms: Sequence[float], marks: Sequence[bool] = ()) -> None:
    """Draw the course of a latency into the lower left corner of a picture.

    Args:
        image: Is drawn upon.
        values_ms: From the oldest to the newest, which is also written out.
        marks: Of each value, whether it gets a tick below (the detector ran).
    """
    height, width = image.shape[:2]
    ui = _ui(image)
    w, h = min(round(180 * ui), width - 8), min(round(44 * ui), height - 8)
    if w < 24 or h < 24 or not values_ms:
        return
    x0, y0 = 4, height - 4 - h
    panel = image[y0 : y0 + h, x0 : x0 + w]
    panel[:] = (panel * 0.35 + np.array(_SHADE) * 0.65).astype(np.uint8)
    values = np.asarray(values_ms, np.float64)
    # So that a single late frame does not flatten all others.
    top = max(10.0, 2 * float(np.percentile(values, 90)))
    x = x0 + w - 1 - np.arange(len(values) - 1, -1, -1) * 1.5 * ui
    shown = x >= x0
    y = y0 + h - 6 * ui - np.clip(values / top, 0, 1) * (h - 22 * ui)
    _polyline(image, np.stack([x, y], axis=1)[shown], _LINE, 1)
    for tick, mark in zip(x, marks, strict=False):
        if mark and tick >= x0:
            cv2.line(image, (int(tick), y0 + h - 4), (int(tick), y0 + h - 2), _BLUE, 1)
    words = f"{values[-1]:.1f} ms of {top:.0f}"
    _write(image, words, x0 + 4, y0 + round(12 * ui), 0.36 * ui)


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
        radius = round(max(1.0, min(scale, 1e4) / 130) * 2**_SHIFT)
        for point in _fixed(face.landmarks).tolist() if scale > 80 else ():  # else they hide lines
            cv2.circle(out, point, radius, colour, -1, cv2.LINE_AA, _SHIFT)
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
    if face.gaze is not None and face.landmarks is not None:
        width = 2 if face.gaze.source is GazeSource.EYES else 1
        for pupil in (layouts.RIGHT_PUPIL, layouts.LEFT_PUPIL):
            eye = face.landmarks[pupil]
            ray = np.stack([eye, eye + face.gaze.direction[:2] * scale * 0.8])
            _polyline(out, ray, _GAZE, width)
    size = max(0.4, min(0.6, scale / 300)) * _ui(out)
    text = caption(face)
    (width, height), _ = cv2.getTextSize(text, _FONT, size, 1)
    x = int(np.clip((x0 + x1 - width) / 2, 2, max(2, out.shape[1] - width - 2)))
    y = int(np.clip(y0 - scale * 0.3, height + 4, out.shape[0] - 4))
    _write(out, text, x, y, size)


def _ui(image: Image) -> float:
    """How much larger than for 640x480 words are, so that they look alike on every picture."""
    return float(np.clip(image.shape[0] / 480, 1, 4))


def _write(out: Image, text: str, x: int, y: int, size: float) -> None:
    width = max(1, round(size * 1.8))
    cv2.putText(out, text, (x, y), _FONT, size, (0, 0, 0), width + 2, cv2.LINE_AA)
    cv2.putText(out, text, (x, y), _FONT, size, _TEXT, width, cv2.LINE_AA)


def _fixed(points: Floats) -> npt.NDArray[np.int32]:
    # Far outside the picture OpenCV's fixed-point numbers would overflow.
    fixed = np.round(np.clip(points, -1e5, 1e5) * 2**_SHIFT)
    return np.asarray(fixed, np.int32)


def _polyline(out: Image, points: Floats, colour: tuple[int, int, int], width: int) -> None:
    cv2.polylines(out, [_fixed(points)], False, colour, width, cv2.LINE_AA, _SHIFT)
