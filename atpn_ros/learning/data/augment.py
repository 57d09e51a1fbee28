# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training augmentation: cuts randomly displaced, mirrored and degraded crops of labelled faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.crop import CROP_SIZE, Crop, crop_from_landmarks, cut, upright_angle
from atpn_ros.detectors.base import square_of
from atpn_ros.learning.data.backgrounds import random_background
from atpn_ros.learning.data.drawings import MIN_FACE_SIDE, draw
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.presence import holds_face, presence_weight
from atpn_ros.types import Floats, Image

_MIRROR = np.asarray(landmark_layouts.MIRROR98)
_DARK = 8.0
"""Mean of a crop's brightest channel, of 255: below it no face can be seen."""
_DRAWN = 0.25
"""Fraction of the crops without a face that are drawings of one."""
_LANDMARKS_OVERLAP = 0.3
"""Overlap with the face's own crop above which a crop trains the landmarks."""


@dataclass(frozen=True, slots=True)
class TrainingCrop:
    """One crop and its ground truth; a weight of 0 marks a value that is not known.

    Attributes:
        crop: (128, 128, 3) uint8 BGR.
        landmarks: (98, 2) crop coordinates.
        landmark_weight: (98,) weight per point.
        middles: 1 if the brows' upper points are their middles, else 0.
        rotation: (3, 3) head to the crop's own camera.
        pose_weight: 0 or 1.
        presence: 1 if the crop holds the face, 0 if not.
        presence_weight: 0 or 1.
        gaze: (2, 3) unit directions of the right and left eye in the crop's own camera.
        gaze_weight: (2,) 0 or 1.
    """

    crop: Image
    landmarks: Floats
    landmark_weight: Floats
    middles: float
    rotation: Floats
    pose_weight: float
    presence: float
    presence_weight: float
    gaze: Floats = field(default_factory=lambda: np.tile((0.0, 0.0, -1.0), (2, 1)))
    gaze_weight: Floats = field(default_factory=lambda: np.zeros(2))


def face_crop(face: LabelledFace, rng: np.random.Generator, strength: float = 1.0) -> TrainingCrop:
    """A crop around the face, displaced as by trackers and detectors, and degraded.

    Args:
        face: With 98 landmarks.
        rng: The source of all randomness.
        strength: How often pictures are degraded and crops displaced far: 1 as usual, 0 never.
    """
    crop = _displaced_crop(face, rng, strength)
    image, landmarks = face.image, face.landmarks
    overlap = crop.box().iou(crop_from_landmarks(landmarks, crop.angle).box())
    picture = cut(image, crop)
    points = crop.to_crop(landmarks)
    back = geometry.about_z(-crop.angle)
    turned = back @ (geometry.FACING if face.rotation is None else face.rotation)
    weights = np.ones(98) if face.weights is None else face.weights
    known = face.gaze is not None and holds_face(overlap)
    gaze = np.tile((0.0, 0.0, -1.0), (2, 1)) if face.gaze is None else face.gaze
    gaze = gaze @ back.T
    open_eyes = np.asarray(face.eyes_seen, np.float64) * known
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
        points = (points * (-1, 1) + (1, 0))[_MIRROR]
        turned = turned * np.outer((-1, 1, 1), (1, -1, 1))
        weights = weights[_MIRROR]
        gaze, open_eyes = (gaze * (-1, 1, 1))[::-1], open_eyes[::-1]
    if rng.random() < strength:
        picture = degrade(occlude(picture, rng), rng)
    # A picture too dark to see anything trains only that no face is present.
    visible = max(cv2.mean(picture)) > _DARK
    weights, open_eyes, overlap = weights * visible, open_eyes * visible, overlap * visible
    return TrainingCrop(
        crop=picture,
        landmarks=points,
        landmark_weight=weights * (overlap > _LANDMARKS_OVERLAP),
        middles=float(face.brow_middles),
        rotation=turned,
        pose_weight=float(holds_face(overlap) and face.rotation is not None),
        presence=float(holds_face(overlap)),
        presence_weight=presence_weight(overlap),
        gaze=gaze,
        gaze_weight=open_eyes,
    )


def replace_background(
    face: LabelledFace, backgrounds: Sequence[Image], rng: np.random.Generator
) -> LabelledFace:
    """A face with its background replaced; unchanged if the opacity is not known."""
    image, opacity = face.image, face.opacity
    if opacity is None:
        return face
    behind = random_background(backgrounds, *image.shape[:2], rng)
    alpha = opacity[..., None].astype(np.float32) / 255
    mixed = image * alpha + behind * (1 - alpha)
    return replace(face, picture=mixed.astype(np.uint8), opacity=None)


def negative_crop(
    face: LabelledFace, backgrounds: list[Image], rng: np.random.Generator
) -> TrainingCrop:
    """A crop without a face of a person.

    One of what is beside a face, a face cut far too small or large, a background, a drawing of a
    face, or nothing.
    """
    if rng.random() < 0.1:
        return _without_face(_blank(rng))
    true = crop_from_landmarks(face.landmarks, 0.0)
    if true.side >= MIN_FACE_SIDE and rng.random() < _DRAWN:
        picture = draw(cut(face.image, _displaced_crop(face, rng, 0.0)), rng)
        return _without_face(picture)
    kind = rng.random()
    if kind < 0.35 and backgrounds:
        image = backgrounds[int(rng.integers(len(backgrounds)))]
        side = float(np.exp(rng.uniform(np.log(30), np.log(min(image.shape[:2])))))
        crop = Crop(
            float(rng.uniform(0, image.shape[1])), float(rng.uniform(0, image.shape[0])), side,
            float(rng.normal(0, 0.3)),
        )  # fmt: skip
    elif kind < 0.85:
        image = face.image
        for _ in range(20):
            crop = Crop(
                float(rng.uniform(0, image.shape[1])), float(rng.uniform(0, image.shape[0])),
                true.side * float(np.exp(rng.uniform(np.log(0.25), np.log(1.8)))),
                float(rng.normal(0, 0.4)),
            )  # fmt: skip
            if crop.box().iou(true.box()) < 0.2:
                break
        else:
            crop = Crop(true.cx + true.side * 1.2, true.cy, true.side)
    else:
        image = face.image
        factor = float(rng.choice([rng.uniform(0.2, 0.42), rng.uniform(2.3, 5.0)]))
        crop = Crop(true.cx, true.cy, true.side * factor, float(rng.normal(0, 0.3)))
    return _without_face(degrade(cut(image, crop), rng))


def find_crop(picture: Image, face: float, rng: np.random.Generator) -> TrainingCrop:
    """A crop of a detector's find, which trains presence alone; mirrored in half of all cases.

    Args:
        picture: (128, 128, 3) uint8 BGR, as a camera takes it and the pipeline cuts it.
        face: 1 if it holds a face, else 0. A face in the dark counts as neither.
        rng: Source of the randomness.
    """
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
    visible = max(cv2.mean(picture)) > _DARK
    return replace(
        _without_face(picture), presence=face, presence_weight=float(visible or not face)
    )


def _without_face(picture: Image) -> TrainingCrop:
    return TrainingCrop(
        picture, np.zeros((98, 2)), np.zeros(98), 0.0, geometry.FACING, 0.0, 0.0, 1.0
    )


def _blank(rng: np.random.Generator) -> Image:
    """A crop of a covered lens, a wall or darkness: one colour, a brightness gradient, noise."""
    steps = np.linspace(-1, 1, CROP_SIZE)
    slope = steps[:, None] * rng.normal(0, 10) + steps * rng.normal(0, 10)
    colour = rng.uniform(0, 255) * (rng.random() > 0.4) + rng.normal(0, 12, 3)
    noise = rng.normal(0, rng.uniform(0, 10), (CROP_SIZE, CROP_SIZE, 3))
    return np.clip(slope[..., None] + colour + noise, 0, 255).astype(np.uint8)


def _displaced_crop(face: LabelledFace, rng: np.random.Generator, strength: float) -> Crop:
    upright = upright_angle(face.landmarks)
    if face.detection is not None and rng.random() < 0.3:
        start = square_of(face.detection)
        spread, angle = 0.06, float(rng.normal(0, 0.15))
    else:
        wide = rng.random() < 0.25 * strength
        angle = upright + float(rng.uniform(-1.05, 1.05) if wide else rng.normal(0, 0.2))
        start = crop_from_landmarks(face.landmarks, angle)
        spread = 0.16 if rng.random() < 0.15 * strength else 0.05
    dx, dy = rng.normal(0, spread, 2) * start.side
    factor = float(np.exp(rng.normal(0, 0.1 if spread < 0.1 else 0.25)))
    return Crop(start.cx + float(dx), start.cy + float(dy), start.side * factor, angle)


def occlude(picture: Image, rng: np.random.Generator) -> Image:
    """Sometimes hide a part behind a flat, noisy or textured patch; returns the picture."""
    if rng.random() > 0.35:
        return picture
    size = picture.shape[0]
    w, h = (int(v) for v in np.clip(rng.normal(0.3, 0.12, 2), 0.05, 0.55) * size)
    x, y = int(rng.integers(-w // 2, size - w // 2)), int(rng.integers(-h // 2, size - h // 2))
    mask = np.zeros((size, size), np.uint8)
    if rng.random() < 0.5:
        cv2.rectangle(mask, (x, y), (x + w, y + h), 255, -1)
    else:
        centre = (x + w // 2, y + h // 2)
        cv2.ellipse(
            mask, centre, (max(w // 2, 1), max(h // 2, 1)), float(rng.uniform(0, 180)), 0, 360,
            255, -1,
        )  # fmt: skip
    colour = rng.integers(0, 256, 3)
    patch = np.empty_like(picture)
    kind = rng.random()
    if kind < 0.5:
        patch[:] = colour
    elif kind < 0.75:
        patch[:] = np.clip(rng.normal(colour, 50, picture.shape), 0, 255)
    else:
        patch[:] = np.roll(picture, (int(rng.integers(size)), int(rng.integers(size))), (0, 1))
    return np.where(mask[..., None] > 0, patch, picture)


def degrade(picture: Image, rng: np.random.Generator) -> Image:
    """Simulate a real camera: light, colour, focus, motion, resolution, noise and compression."""
    size = picture.shape[0]
    out = picture
    if rng.random() < 0.25:
        small = int(rng.uniform(20, size))
        out = cv2.resize(out, (small, small), interpolation=cv2.INTER_AREA)
        out = cv2.resize(out, (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.15:
        length = int(rng.integers(3, 12))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        middle = (length - 1) / 2
        reach = np.array([np.cos(angle), np.sin(angle)]) * middle
        ends = [tuple(round(v) for v in middle + sign * reach) for sign in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        out = cv2.filter2D(out, -1, kernel / kernel.sum())
    elif rng.random() < 0.15:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.5, 2.0)))
    # One look-up table per channel does brightness, contrast, gamma and colour cast.
    levels = np.linspace(0, 1, 256)
    gamma, gain = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(0, 0.25))
    table = np.stack(
        [levels**gamma * gain * np.exp(rng.normal(0, 0.08)) + rng.normal(0, 0.08)
         for _ in range(3)], -1,
    )  # fmt: skip
    out = cv2.LUT(out, np.clip(table * 255, 0, 255).astype(np.uint8)[None].transpose(1, 0, 2))
    if rng.random() < 0.15:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.25:
        noise = np.empty(out.shape, np.int16)
        cv2.setRNGSeed(int(rng.integers(2**31)))
        cv2.randn(noise, 0, float(rng.uniform(2, 16)))
        out = cv2.add(out, noise, dtype=cv2.CV_8U)
    if rng.random() < 0.2:
        _, data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))])
        out = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.asarray(out, np.uint8)
