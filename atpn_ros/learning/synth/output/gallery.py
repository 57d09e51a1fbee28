# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws contact sheets of samples with their labels, for visual inspection."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.drawing.contact_sheet import contact_sheet
from atpn_ros.learning.synth.render.stream import RenderedSample
from atpn_ros.learning.synth.scene.description import SceneCamera
from atpn_ros.learning.synth.scene.labels import FaceLabels
from atpn_ros.types import Floats, Image

_SEEN, _HIDDEN, _LINE = (80, 230, 60), (60, 60, 255), (200, 200, 200)
_AXES = (((0.0, 0.0, 1.0), (255, 120, 40)), ((0.0, 1.0, 0.0), (60, 200, 60)),
         ((1.0, 0.0, 0.0), (50, 50, 255)))  # fmt: skip
_AXIS_LENGTH = 0.07


def sheet(
    samples: list[RenderedSample], columns: int = 8, zoom: int = 2, plain: bool = False
) -> Image:
    """All samples in rows; with ``plain`` each is shown once without and once with labels."""
    cells = []
    for sample in samples:
        drawn = draw(sample, zoom)
        if plain:
            bare = cv2.resize(sample.image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
            drawn = np.hstack([np.asarray(bare, np.uint8), drawn])
        cells.append(drawn)
    height, width = cells[0].shape[:2]
    return contact_sheet(cells, columns, (width, height))


def draw(sample: RenderedSample, zoom: int = 2) -> Image:
    """One sample, enlarged: points (green seen, red hidden), box, head axes, gaze, tone."""
    image = cv2.resize(sample.image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
    out = np.asarray(image, np.uint8)
    _text(out, f"{sample.index} {'face' if sample.presence else 'no face'} {sample.overlap:.2f}", 0)
    face = sample.face
    if face is None:
        return out

    def at(points: Floats) -> Floats:
        # The picture's pixel p lies at (p + 0.5) * zoom - 0.5.
        return (np.asarray(points) + 0.5) * zoom - 0.5

    points = at(face.landmarks)
    for line in landmark_layouts.POLYLINES98:
        cv2.polylines(out, [_fixed(points[list(line)])], False, _LINE, 1, cv2.LINE_AA, 4)
    for p, seen in zip(points, face.visible, strict=True):
        colour = _SEEN if seen else _HIDDEN
        cv2.circle(out, _point(p), 20 if zoom > 1 else 14, colour, -1, cv2.LINE_AA, 4)
    x0, y0, x1, y1 = face.box.xyxy
    cv2.rectangle(out, _point(at(np.array([x0, y0]))), _point(at(np.array([x1, y1]))), _LINE, 1,
                  cv2.LINE_AA, 4)  # fmt: skip
    axes(out, face, sample.scene.camera, zoom)
    gaze_lines(out, face, sample.scene.camera, zoom)
    _text(out, f"tone {face.tone} skin {face.layer}", out.shape[0] - 14)
    return out


def axes(
    image: Image, face: FaceLabels, camera: SceneCamera, zoom: int = 1, thickness: int = 1
) -> None:
    """Draw the head frame at the sellion: x red, y green, z blue."""
    for axis, colour in _AXES:
        tip = face.sellion + face.rotation @ (np.array(axis) * _AXIS_LENGTH)
        _line(image, camera, face.sellion, tip, colour, zoom, thickness)


def gaze_lines(
    image: Image, face: FaceLabels, camera: SceneCamera, zoom: int = 1, thickness: int = 1
) -> None:
    """Draw where each eye looks, from its pupil."""
    for pupil, gaze in zip(face.points[96:98], face.gaze, strict=True):
        tip = pupil + gaze * _AXIS_LENGTH
        _line(image, camera, pupil, tip, (255, 255, 0), zoom, thickness)


def _line(
    image: Image, camera: SceneCamera, start: Floats, tip: Floats, colour: tuple[int, int, int],
    zoom: int, thickness: int,
) -> None:  # fmt: skip
    if tip[2] > 0.02:
        a, b = (camera.project(np.stack([start, tip])) + 0.5) * zoom - 0.5
        cv2.line(image, _point(a), _point(b), colour, thickness, cv2.LINE_AA, 4)


def _fixed(points: Floats) -> Floats:
    return np.round(np.clip(points, -4000, 4000) * 16).astype(np.int32)


def _point(point: Floats) -> tuple[int, int]:
    x, y = _fixed(point)
    return int(x), int(y)


def _text(image: Image, text: str, top: int) -> None:
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(image, text, (4, top + 12), cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, width,
                    cv2.LINE_AA)  # fmt: skip
