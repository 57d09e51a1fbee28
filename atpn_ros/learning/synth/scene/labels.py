# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Computes the exact labels of a face in a scene: landmarks, visibility, pose, gaze, box.

The contour is the visible outline of jaw and cheek, as annotators mark it. On each of 33 paths
over the skin the point furthest outwards in the picture is selected. These points form a line, and
the 33 contour points are spaced evenly along it, 17 from each ear to the chin.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.learning.data.polyline import arc_length, points_at
from atpn_ros.learning.synth.scene.body import Body
from atpn_ros.learning.synth.scene.description import Person, SceneCamera
from atpn_ros.types import Box, Floats

_BEHIND = 0.008
"""A point this far (m) behind what is drawn in front of it is hidden: more than lids and lips are
thick, less than a nose is high."""


@dataclass(frozen=True, slots=True)
class FaceLabels:
    """The labels of one face in one picture.

    Attributes:
        id: The person's number in the scene.
        landmarks: (98, 2) pixels, WFLW-98 order.
        points: (98, 3) the same points in the camera frame, metres: project to ``landmarks``.
        visible: (98,) bool: inside the picture and not occluded.
        rotation: (3, 3) head to camera.
        sellion: (3,) camera frame, metres.
        gaze: (2, 3) unit directions in the camera frame, right eye first.
        eye_centres: (2, 3) camera frame, metres.
        eyes_open: (2,) lid opening over the eye's width.
        box: Bounding box of the landmarks.
        tone: Skin tone bin, 0 light to 5 dark (:mod:`tones`).
        layer: Index of the photographed skin.
        age: As the person's; None for a head without ages.
    """

    id: int
    landmarks: Floats
    points: Floats
    visible: Floats
    rotation: Floats
    sellion: Floats
    gaze: Floats
    eye_centres: Floats
    eyes_open: Floats
    box: Box
    tone: int
    layer: int
    age: float | None = None

    @property
    def crop_rotation(self) -> Floats:
        """(3, 3) head to a camera that looks straight at the face: what its crop shows."""
        return np.asarray(geometry.rotation_to_ray(self.points.mean(axis=0)).T @ self.rotation)


def landmarks3d(body: Body, person: Person, camera: SceneCamera) -> Floats:
    """(98, 3) landmarks in the camera frame."""
    points = body.points.copy()
    points[:33] = _contour(body, person, camera)
    return np.asarray((points - body.sellion) @ person.rotation.T + person.position)


def label(
    body: Body, person: Person, camera: SceneCamera, depth: Floats | None = None, scale: float = 1.0
) -> FaceLabels:
    """All labels of a person.

    Args:
        body: The person's geometry.
        person: In the scene.
        camera: Of the scene.
        depth: (H, W) rendered depth in metres; without it only the picture's border hides points.
        scale: Pixels of ``depth`` per pixel of the camera.
    """
    points = landmarks3d(body, person, camera)
    flat = camera.project(points)
    centres = (body.eye_centres - body.sellion) @ person.rotation.T + person.position
    gaze = body.eye_turns[:, :, 0] @ person.rotation.T
    return FaceLabels(
        person.id, flat, points, _visible(points, flat, camera, depth, scale), person.rotation,
        person.position, gaze, centres, _eyes_open(points), Box.around(flat), person.tone,
        person.skin.layer, person.age,
    )  # fmt: skip


def _contour(body: Body, person: Person, camera: SceneCamera) -> Floats:
    """(33, 3) head frame: the visible outline of jaw and cheeks."""
    strips = body.strips
    cam = (strips - body.sellion) @ person.rotation.T + person.position
    flat = camera.project(cam)
    out = _outward(body, person, camera)
    reach = np.einsum("ikd,id->ik", flat, out)
    # Ties go to the point nearer the jaw's edge: on a flat cheek no step is an outline.
    best = np.argmax(reach - np.arange(strips.shape[1]) * 1e-6, axis=1)
    line = strips[np.arange(33), best]
    seen = flat[np.arange(33), best]
    halves = [_even(line[:17], seen[:17]), _even(line[16:], seen[16:])[1:]]
    return np.concatenate(halves)


def _outward(body: Body, person: Person, camera: SceneCamera) -> Floats:
    """(33, 2) which way is outwards in the picture, for each contour path."""
    up = person.rotation[:2, 2]
    norm = float(np.linalg.norm(up))
    up = up / norm if norm > 0.05 else np.array([0.0, -1.0])
    left = np.array([-up[1], up[0]])  # towards the person's left when the head is upright
    # Sideways along the cheeks, turning downwards under the mouth.
    turn = np.interp(np.abs(np.arange(33) - 16), [0, 4, 9], [np.pi / 2, 1.0, 0.0])
    side = np.where(np.arange(33) < 16, -1.0, 1.0)
    return np.asarray((np.cos(turn) * side)[:, None] * left - np.sin(turn)[:, None] * up)


def _even(line: Floats, seen: Floats) -> Floats:
    """As many 3D points, evenly spaced along the line in the picture."""
    length = arc_length(seen)
    return points_at(line, length, np.linspace(0.0, length[-1], len(line)))


def _visible(
    points: Floats, flat: Floats, camera: SceneCamera, depth: Floats | None, scale: float
) -> Floats:
    inside = (flat > -0.5).all(axis=1) & (flat < (camera.width - 0.5, camera.height - 0.5)).all(
        axis=1
    )
    seen = inside.copy()
    if depth is not None:
        h, w = depth.shape
        at = np.round((flat + 0.5) * scale - 0.5)
        at = np.where(np.isfinite(at), np.clip(at, -1e6, 1e6), 0).astype(int)
        deepest = np.zeros(len(points))
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                x, y = np.clip(at[:, 0] + dx, 0, w - 1), np.clip(at[:, 1] + dy, 0, h - 1)
                deepest = np.maximum(deepest, depth[y, x])
        seen &= points[:, 2] <= deepest + _BEHIND
    for pupil, lids in ((96, landmark_layouts.RIGHT_EYE), (97, landmark_layouts.LEFT_EYE)):
        ring = flat[list(lids)].astype(np.float32).reshape(-1, 1, 2)
        x, y = (float(v) for v in flat[pupil])
        seen[pupil] &= cv2.pointPolygonTest(ring, (x, y), False) >= 0
    return np.asarray(seen)


def _eyes_open(points: Floats) -> Floats:
    lids = []
    for a, b, up, low in ((60, 64, 62, 66), (68, 72, 70, 74)):
        width = np.linalg.norm(points[a] - points[b])
        lids.append(float(np.linalg.norm(points[up] - points[low]) / width))
    return np.array(lids)
