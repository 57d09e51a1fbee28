# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws hands in random poses and light, as negatives: fists and folded hands resemble faces."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.synth.assets.anny_hand import AnnyHand
from atpn_ros.types import Floats, Image

SIDE = 160
"""Side of a drawing, pixels."""
HAND = 110.0
"""Length of a stretched hand in a drawing, pixels, without the forearm."""
GREY = 190.0
"""Brightness of skin in full light; drawings have no colour."""
_FINER = 3
"""Drawings are made this much larger and reduced."""
_LONG = 1.9
"""Length of the model's stretched hand from the wrist, decimetres."""


def hands(model: AnnyHand, rng: np.random.Generator, count: int) -> Iterator[Sprite]:
    """Random drawings: one hand, or two in front of each other, with forearms.

    Args:
        model: Of the left hand; half of the drawings are mirrored.
        rng: Chance.
        count: How many.

    Yields:
        Drawings of ``SIDE`` pixels in grey, whose opacity is 255 on the hand, without an outline.
    """
    for _ in range(count):
        image = _drawn(model, rng)
        if rng.random() < 0.3:
            image = _over(image, _drawn(model, rng)[:, ::-1], rng)
        yield Sprite(np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image), None)


def _pose(model: AnnyHand, rng: np.random.Generator) -> Floats:
    """(V, 3) vertices of a stretched hand, a fist, or anything between."""
    kind = rng.random()
    curl = rng.uniform(0.9, 1.5) if kind < 0.35 else rng.uniform(-0.1, 1.2)
    curls = curl + rng.normal(0, 0.12 if rng.random() < 0.6 else 0.5, (5, 3))
    curls[0] *= 0.45
    curls[:, 2] *= 0.7
    if rng.random() < 0.25:  # some fingers stretched, as they point or count
        curls[1 + np.nonzero(rng.random(4) < 0.4)[0]] *= 0.1
    spread = np.array([0.0, -0.2, -0.05, 0.08, 0.2]) * rng.uniform(-0.2, 1.2)
    wrist = rng.normal(0, 0.4, 3)
    return model.posed(np.clip(curls, -0.25, 1.7), spread, wrist)


def _drawn(model: AnnyHand, rng: np.random.Generator) -> Image:
    """(SIDE, SIDE, 4) grey and opacity of one hand from a random side."""
    points = _pose(model, rng)
    axis = rng.normal(0, 1, 3)
    axis *= rng.uniform(0, np.pi) / max(float(np.linalg.norm(axis)), 1e-6)
    points = points @ cv2.Rodrigues(axis)[0].T
    near = model.weights[:, 2:].sum(1) > 0.5
    middle = points[near].mean(0)
    side = SIDE * _FINER
    scale = HAND * _FINER / _LONG * float(np.exp(rng.normal(0, 0.1)))
    flat = (points[:, :2] - middle[:2]) * scale + side / 2
    corners = points[model.triangles]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(points)
    for k in range(3):
        np.add.at(normals, model.triangles[:, k], across)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    shades = _light(normals, rng)[model.triangles].mean(1)
    depth = corners[..., 2].mean(1)
    front = np.nonzero(across[:, 2] > 0)[0]
    order = front[np.argsort(depth[front])]
    shade = np.zeros((side, side), np.float32)
    height = np.full((side, side), np.float32(depth.min() - 0.3))
    opacity = np.zeros((side, side), np.uint8)
    shapes = np.round(flat[model.triangles] * 16).astype(np.int32)
    for i in order.tolist():
        cv2.fillConvexPoly(shade, shapes[i], float(shades[i]), shift=4)
        cv2.fillConvexPoly(height, shapes[i], float(depth[i]), shift=4)
        cv2.fillConvexPoly(opacity, shapes[i], 255, shift=4)
    # What lies lower than its surroundings gets less light.
    around = cv2.GaussianBlur(height, (0, 0), 0.1 * scale)
    shade *= np.exp(-float(rng.uniform(2.0, 6.0)) * np.clip(around - height, 0, 0.6))
    solid = (opacity > 0).astype(np.float32)
    soft = 0.02 * scale  # of the hand alone: its rim stays bright
    shade = cv2.GaussianBlur(shade, (0, 0), soft) / np.maximum(
        cv2.GaussianBlur(solid, (0, 0), soft), 1e-2
    )
    grey = np.clip(cv2.resize(shade, (SIDE, SIDE), interpolation=cv2.INTER_AREA) * GREY, 0, 255)
    mask = cv2.resize(opacity, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.dstack([grey, grey, grey, mask]).astype(np.uint8)


def _light(normals: Floats, rng: np.random.Generator) -> Floats:
    """(V,) brightness: light from all around, more from above, and a lamp."""
    lamp = rng.normal((0, -0.6, 0.7), 1.0)
    lamp /= np.linalg.norm(lamp)
    strength = float(rng.uniform(0.0, 0.9))
    soft = 0.75 - 0.25 * normals[:, 1] * rng.uniform(0, 1) + 0.1 * normals[:, 2]
    wrapped = np.clip((normals @ lamp + 0.25) / 1.25, 0, 1)
    return np.asarray(soft * (1 - 0.7 * strength) + wrapped * strength)


def _over(image: Image, other: Image, rng: np.random.Generator) -> Image:
    """One hand in front of another."""
    shift = rng.normal(0, 0.12 * SIDE, 2)
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), float(rng.uniform(-60, 60)), 1.0)
    turn[:, 2] += shift
    front = cv2.warpAffine(np.ascontiguousarray(other), turn, (SIDE, SIDE))
    alpha = front[..., 3:].astype(np.float32) / 255
    # The hand in front casts a shadow on the one behind.
    shadow = cv2.GaussianBlur(alpha[..., 0], (0, 0), 4)[..., None]
    back = image[..., :3] * (1 - 0.5 * shadow)
    grey = back * (1 - alpha) + front[..., :3] * alpha
    return np.dstack([grey, np.maximum(image[..., 3], front[..., 3])]).astype(np.uint8)
