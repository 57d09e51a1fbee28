# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws the figures of docs/synth.md with the procedural head.

``python -m atpn_ros.learning.synth.output.figures docs/figures`` draws them anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.learning.data.presence import holds_face
from atpn_ros.learning.synth.accessories.body_builder import build_body
from atpn_ros.learning.synth.assets import builtin
from atpn_ros.learning.synth.assets.library import Assets
from atpn_ros.learning.synth.output import gallery, shards
from atpn_ros.learning.synth.render import effects, stream
from atpn_ros.learning.synth.render.renderer import Renderer
from atpn_ros.learning.synth.render.stream import RenderedSample
from atpn_ros.learning.synth.sampling.face_scenes import SamplePlan
from atpn_ros.learning.synth.scene import labels
from atpn_ros.learning.synth.scene.description import (
    Accessory,
    Backdrop,
    Effects,
    Eyes,
    Lamp,
    Light,
    Person,
    Scene,
    SceneCamera,
    Skin,
)
from atpn_ros.types import Floats, Image

_SKIN = Skin(1, False, (0.55, 0.37, 0.28), 1, 0.0, 0.5, 1.0, 0.0, 0.9, 0.3, (0.06, 0.035, 0.02),
             0.3, 0.0, 0.1)  # fmt: skip
_AHEAD = np.array([[1.0, 0.0, 0.0]] * 2)
_PAPER = 245


class FigureRenderer:
    """Renders the procedural head with given parameters."""

    def __init__(self) -> None:
        self.assets: Assets = builtin.load()
        self.renderer = Renderer(self.assets, 2.0, decimation=0.0)

    def sample(
        self, rotation: Floats, size: int = 320, gaze: Floats = _AHEAD,
        accessories: tuple[Accessory, ...] = (), zoom: float = 1.0, **shapes: float,
    ) -> RenderedSample:  # fmt: skip
        """A labelled picture of one head."""
        head = self.assets.head
        clothes = Accessory("shoulders", (0.25, 0.3, 0.4), (0.0, 0.0, 0.0, 1.0, 0.6))
        person = Person(
            0, np.zeros(len(head.identity)), head.coefficients(**shapes), rotation,
            np.array([0.0, 0.0, 0.8]), _SKIN, Eyes(0, (0.6, 0.6, 0.6), 0.3, gaze),
            (clothes, *accessories), 1,
        )  # fmt: skip
        focal = 3.4 * size * zoom
        camera = SceneCamera(size, size, focal, focal, (size - 1) / 2, size * 0.36)
        light = Light(0, np.eye(3), (0.6, 0.6, 0.6),
                      Lamp(np.array([-0.45, -0.6, -0.66]), (0.5, 0.5, 0.5)))  # fmt: skip
        scene = Scene(camera, (person,), light, Backdrop("plain", 0), Effects())
        body = build_body(self.assets, person)
        paper = np.full((8, 8, 3), _PAPER, np.uint8)
        picture = self.renderer.draw(scene, [body], paper)
        face = labels.label(body, person, camera, picture.depth, picture.scale)
        image = effects.apply(picture.image, (size, size), Effects())
        overlap = stream.crop_overlap(face.box, size)
        return RenderedSample(0, image, camera.matrix, face, scene, overlap, holds_face(overlap))


def draw(folder: Path) -> list[Path]:
    """Draw all figures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    renderer = FigureRenderer()
    pictures = {
        "synth-landmarks": _landmarks(renderer),
        "synth-visible": _visible(renderer),
        "synth-contour": _contour(renderer),
        "synth-pose": _pose(renderer),
        "synth-gaze": _gaze(renderer),
        "synth-presence": _presence(renderer),
        "synth-gallery": _gallery(renderer),
    }
    paths = []
    for name, picture in pictures.items():
        paths.append(folder / f"{name}.png")
        paths[-1].write_bytes(shards.encode_png(picture))
    return paths


def _landmarks(renderer: FigureRenderer) -> Image:
    """All 98 points with their numbers."""
    sample = renderer.sample(geometry.FACING, 900, zoom=1.35)
    image = _faded(sample.image)
    face = sample.face
    if face is None:
        return image
    middle = face.landmarks[:96].mean(axis=0)
    for line in landmark_layouts.POLYLINES98:
        points = np.round(face.landmarks[list(line)] * 16).astype(np.int32)
        cv2.polylines(image, [points], False, (190, 150, 110), 1, cv2.LINE_AA, 4)
    in68 = set(landmark_layouts.IBUG68_IN_WFLW98)
    for i, p in enumerate(face.landmarks):
        colour = (40, 40, 210) if i in in68 else (200, 90, 20)
        cv2.circle(image, _at(p), 3, colour, -1, cv2.LINE_AA)
        away = p - (middle if i < 33 else _part(face.landmarks, i))
        away = away / max(float(np.linalg.norm(away)), 1e-6)
        text = p + away * 13 - (7, -4)
        cv2.putText(image, str(i), _at(text), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (20, 20, 20), 1,
                    cv2.LINE_AA)  # fmt: skip
    return image


def _part(points: Floats, i: int) -> Floats:
    parts = ((33, 42), (42, 51), (51, 60), (60, 68), (68, 76), (76, 88), (88, 96), (60, 68))
    for low, high in parts:
        if low <= i < high:
            return np.asarray(points[low:high].mean(axis=0))
    return np.asarray(points[i] - (0.0, 1.0))


def _visible(renderer: FigureRenderer) -> Image:
    """Seen (green) and hidden (red) points: profile, a hand, shut eyes."""
    hand = Accessory("hand", (0.5, 0.34, 0.26), (0.03, -0.1, 0.015, -0.5, 0.0, 0.1, 0.2, 0.6, 0.0))
    cells = [
        renderer.sample(geometry.head_rotation(0.0, 0.0, 0.95)),
        renderer.sample(geometry.FACING, accessories=(hand,)),
        renderer.sample(geometry.FACING, eyeBlink_L=1.0, eyeBlink_R=1.0),
    ]
    return _row([_points(s) for s in cells], ("yaw 54 degrees", "a hand", "eyes shut"))


def _contour(renderer: FigureRenderer) -> Image:
    """The contour's paths and what is chosen on them."""
    cells = []
    for yaw in (0.0, 0.5, 1.1):
        sample = renderer.sample(geometry.head_rotation(0.0, 0.0, yaw))
        image = _faded(sample.image)
        person, camera = sample.scene.people[0], sample.scene.camera
        body = build_body(renderer.assets, person)
        cam = (body.strips - body.sellion) @ person.rotation.T + person.position
        for path in camera.project(cam):
            points = np.round(path * 16).astype(np.int32)
            cv2.polylines(image, [points], False, (200, 170, 60), 1, cv2.LINE_AA, 4)
        if sample.face is not None:
            for p in sample.face.landmarks[:33]:
                cv2.circle(image, _at(p), 3, (40, 40, 210), -1, cv2.LINE_AA)
        cells.append(image)
    return _row(cells, ("yaw 0", "yaw 29 degrees", "yaw 63 degrees"))


def _pose(renderer: FigureRenderer) -> Image:
    """The three signs, with the head's axes."""
    cases = {
        "straight ahead": (0.0, 0.0, 0.0),
        "roll > 0": (0.5, 0.0, 0.0),
        "pitch > 0": (0.0, 0.5, 0.0),
        "yaw > 0": (0.0, 0.0, 0.6),
    }
    cells = []
    for rpy in cases.values():
        sample = renderer.sample(geometry.head_rotation(*rpy), zoom=0.9)
        image = sample.image.copy()
        if sample.face is not None:
            gallery.axes(image, sample.face, sample.scene.camera, thickness=2)
        cells.append(image)
    return _row(cells, tuple(cases))


def _gaze(renderer: FigureRenderer) -> Image:
    """Gaze ahead, to the person's left and down, as the eyes and as lines."""
    cells = []
    for yaw, pitch in ((0.0, 0.0), (0.5, 0.0), (-0.5, 0.0), (0.0, -0.4)):
        aim = np.array([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)])
        sample = renderer.sample(geometry.head_rotation(0, 0, 0.15), gaze=np.stack([aim, aim]))
        image = sample.image.copy()
        if sample.face is not None:
            gallery.gaze_lines(image, sample.face, sample.scene.camera, thickness=2)
        cells.append(image)
    return _row(cells, ("ahead", "to the person's left", "to the right", "down"))


def _presence(renderer: FigureRenderer) -> Image:
    """Windows on one picture and their overlap with the face's own."""
    sample = renderer.sample(geometry.FACING, 480, zoom=0.42)
    image = _faded(sample.image)
    if sample.face is None:
        return image
    box = sample.face.box
    reach = max(box.width, box.height) * 1.4
    own = (box.cx, box.cy, reach)
    _square(image, own, (40, 150, 40), "the face's crop: 1.00")
    for dx, dy, zoom in ((0.18, 0.1, 1.1), (-0.75, 0.3, 1.0), (0.5, -0.62, 0.55), (0.1, 0.2, 1.9)):
        square = (box.cx + dx * reach, box.cy + dy * reach, reach * zoom)
        share = _overlap(own, square)
        colour = (40, 150, 40) if holds_face(share) else (40, 40, 210)
        _square(image, square, colour, f"{share:.2f}")
    return image


def _gallery(renderer: FigureRenderer) -> Image:
    """Samples as the command draws them."""
    samples = stream.SampleRenderer(renderer.assets, 4, SamplePlan(size=96, not_faces=0.12))
    return gallery.sheet([samples.sample(i) for i in range(12)], columns=6)


def _overlap(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    from atpn_ros.types import Box

    return Box(a[0], a[1], a[2], a[2]).iou(Box(b[0], b[1], b[2], b[2]))


def _square(
    image: Image, square: tuple[float, float, float], colour: tuple[int, int, int], text: str
) -> None:
    x, y, side = square
    low, high = (
        _at(np.array([x - side / 2, y - side / 2])),
        _at(np.array([x + side / 2, y + side / 2])),
    )
    cv2.rectangle(image, low, high, colour, 2, cv2.LINE_AA)
    cv2.putText(image, text, (low[0] + 4, low[1] + 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1,
                cv2.LINE_AA)  # fmt: skip


def _points(sample: RenderedSample) -> Image:
    image = _faded(sample.image)
    if sample.face is not None:
        for p, seen in zip(sample.face.landmarks, sample.face.visible, strict=True):
            cv2.circle(image, _at(p), 3, (40, 150, 40) if seen else (40, 40, 210), -1, cv2.LINE_AA)
    return image


def _row(cells: list[Image], titles: tuple[str, ...]) -> Image:
    out = []
    for cell, title in zip(cells, titles, strict=True):
        strip = np.full((24, cell.shape[1], 3), 255, np.uint8)
        cv2.putText(strip, title, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30, 30, 30), 1,
                    cv2.LINE_AA)  # fmt: skip
        out.append(np.vstack([strip, cell]))
    return np.hstack(out)


def _faded(image: Image) -> Image:
    return np.asarray(255 - (255 - image.astype(np.uint16)) * 11 // 20, np.uint8)


def _at(point: Floats) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


if __name__ == "__main__":
    for path in draw(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/figures")):
        print(path)
