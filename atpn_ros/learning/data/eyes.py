# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Changes the eyes in a photograph: turns both irises by a known angle, and draws glasses.

Photographs with a known gaze nearly all look into the lens. Turned irises give real eyes every
other direction.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.types import Floats, Image

INTO_LENS = np.tile((0.0, 0.0, -1.0), (2, 1))
"""(2, 3) directions of two eyes that look into the lens, in the camera's frame."""

_DEPTH = 1.68
"""Distance from an eyeball's centre of rotation to its iris over the iris' radius: 9.9 / 5.9 mm."""

_EYES = (
    (0, range(2, 10), (18, 19, 20, 21, 22), (22, 30, 29, 28, 18)),
    (1, range(10, 18), (23, 24, 25, 26, 27), (27, 33, 32, 31, 23)),
)
"""Template points of each eye: pupil, rim of the iris, upper and lower lid."""

_LOWER_LID = 0.35
"""How far the lower lid follows an iris that looks up or down; the upper lid follows it fully."""


def turn_irises(image: Image, template: Floats, yaw: float, pitch: float) -> tuple[Image, Floats]:
    """Turn both eyes of a face that looks into the lens.

    Sideways, only what lies between the lids is moved; up and down, the lids move with the iris.
    Natural up to about 24 degrees sideways, and 9 up or down.

    Args:
        image: (H, W, 3) photograph of a face that looks into the lens.
        template: (189, 2) hand-placed points of the London template, pixels.
        yaw: Angle to the image's right, degrees.
        pitch: Angle downwards, degrees.

    Returns:
        The changed photograph, and (2, 3) the eyes' directions in the camera's frame.
    """
    x, y = math.sin(math.radians(yaw)), math.sin(math.radians(pitch))
    gaze = np.array([x, y, -math.sqrt(max(0.0, 1 - x * x - y * y))])
    out = image.copy()
    for pupil, rim, upper, lower in _EYES:
        centre = template[list(rim)].mean(axis=0)
        radius = float(np.linalg.norm(template[list(rim)] - template[pupil], axis=1).max())
        lids = template[[*upper, *lower]]
        _turn_one(out, centre, radius, lids, gaze[:2] * (_DEPTH * radius))
    return out, np.tile(gaze, (2, 1))


def _turn_one(image: Image, centre: Floats, radius: float, lids: Floats, shift: Floats) -> None:
    """Move the iris of one eye by (2,) pixels, in place."""
    height, width = image.shape[:2]
    reach = np.array([5.0, 4.0]) * radius
    x0, y0 = np.maximum(centre - reach, 0).astype(int).tolist()
    x1, y1 = np.minimum(centre + reach, (width, height)).astype(int).tolist()
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    part = image[y0:y1, x0:x1]
    rows, columns = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    # Up and down: a smooth field around the eye, which carries the lids along.
    off = ((columns - centre[0]) / (2.6 * radius)) ** 2 + ((rows - centre[1]) / (1.7 * radius)) ** 2
    below = np.clip(1 - (rows - centre[1]) / (2.2 * radius), _LOWER_LID, 1)
    down = shift[1] * np.exp(-(off**2)) * np.where(rows > centre[1], below, 1.0)
    lifted = _remap(part, columns - x0, rows - y0 - down)
    moved = lids.copy()
    moved[:, 1] += np.interp(
        lids[:, 1], (centre[1], centre[1] + 2.2 * radius), (shift[1], shift[1] * _LOWER_LID)
    )
    # Sideways: the iris and what surrounds it, within the lids.
    far = np.hypot(columns - centre[0] - shift[0], rows - centre[1] - shift[1]) / radius
    share = np.clip(1 - (far - 1.15) / (1.0 + abs(shift[0]) / radius), 0, 1)
    turned = _remap(lifted, columns - x0 - shift[0] * share, rows - y0)
    opening = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(opening, [np.round((moved - (x0, y0)) * 16).astype(np.int32)], 255, shift=4)
    soft = cv2.GaussianBlur(opening, (0, 0), max(0.6, radius * 0.06))[..., None] / 255.0
    image[y0:y1, x0:x1] = (turned * soft + lifted * (1 - soft)).astype(np.uint8)


def _remap(part: Image, x: Floats, y: Floats) -> Image:
    out = cv2.remap(
        part, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(out, np.uint8)


def draw_glasses(image: Image, landmarks: Floats, rng: np.random.Generator) -> Image:
    """The picture with glasses on the face: a frame, often tinted lenses or glare.

    Args:
        image: (H, W, 3).
        landmarks: (98, 2) pixels.
        rng: Chooses the glasses.
    """
    corners = (
        landmarks[landmark_layouts.LEFT_EYE_OUTER] - landmarks[landmark_layouts.RIGHT_EYE_OUTER]
    )
    size = float(np.linalg.norm(corners))
    angle = math.degrees(math.atan2(float(corners[1]), float(corners[0])))
    axes = (int(size * rng.uniform(0.24, 0.32)), int(size * rng.uniform(0.17, 0.26)))
    eyes = (list(landmark_layouts.RIGHT_EYE), list(landmark_layouts.LEFT_EYE))
    centres = [landmarks[eye].mean(axis=0) for eye in eyes]
    out = image.copy()
    if rng.random() < 0.35:  # tinted
        lenses, tint = out.copy(), tuple(int(v) for v in rng.integers(0, 60, 3))
        for c in centres:
            cv2.ellipse(lenses, (int(c[0]), int(c[1])), axes, angle, 0, 360, tint, -1, cv2.LINE_AA)
        opacity = float(rng.uniform(0.2, 0.97))
        out = np.asarray(cv2.addWeighted(lenses, opacity, out, 1 - opacity, 0), np.uint8)
    width = max(1, round(size * float(rng.uniform(0.015, 0.06))))
    colour = tuple(int(v) for v in rng.integers(0, 90, 3))
    for c in centres:
        cv2.ellipse(out, (int(c[0]), int(c[1])), axes, angle, 0, 360, colour, width, cv2.LINE_AA)
    if rng.random() < 0.5:  # glare
        light = np.zeros(out.shape[:2], np.float32)
        for c in centres:
            x, y = c + rng.normal(0, 0.5, 2) * axes
            w, h = np.maximum(1, axes * rng.uniform((0.15, 0.1), (0.7, 0.5))).astype(int).tolist()
            strength = float(rng.uniform(0.2, 0.95))
            turn = float(rng.uniform(0, 180))
            cv2.ellipse(light, (int(x), int(y)), (w, h), turn, 0, 360, strength, -1)
        light = cv2.GaussianBlur(light, (0, 0), max(0.5, size * 0.02))[..., None]
        out = (out * (1 - light) + light * float(rng.uniform(190, 255))).astype(np.uint8)
    return np.asarray(out, np.uint8)
