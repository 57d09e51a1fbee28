# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a labelled picture to one training crop: where one looks, and how bad the camera is."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from atpn_ros import geometry, landmark_layouts
from atpn_ros.crop import CROP_SIZE, Crop, crop_from_landmarks, cut, upright_angle
from atpn_ros.detectors.base import square_of
from atpn_ros.learning.data.photographs import Sample
from atpn_ros.types import Floats, Image

_MIRROR = np.asarray(landmark_layouts.MIRROR98)
_DARK = 8.0
"""Mean of a crop's brightest channel, of 255: below it there is nothing to learn a face from."""


@dataclass(frozen=True, slots=True)
class Example:
    """One crop and its truth; a weight of 0 says that a truth is missing.

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


def face_example(sample: Sample, rng: np.random.Generator, rough: float = 1.0) -> Example:
    """A crop around the face, displaced as trackers and detectors displace it.

    Args:
        sample: The labelled picture.
        rng: Decides everything by chance.
        rough: How often pictures are spoilt and crops far off: 1 as usual, 0 never.
    """
    crop = _jittered(sample, rng, rough)
    image, landmarks = sample.image, sample.landmarks
    overlap = crop.box().iou(crop_from_landmarks(landmarks, crop.angle).box())
    picture = cut(image, crop)
    points = crop.to_crop(landmarks)
    back = geometry.about_z(-crop.angle)
    turned = back @ (geometry.FACING if sample.rotation is None else sample.rotation)
    trust = sample.trust
    known = sample.gaze is not None and overlap > 0.35
    gaze = np.tile((0.0, 0.0, -1.0), (2, 1)) if sample.gaze is None else sample.gaze
    gaze = gaze @ back.T
    open_eyes = np.asarray(sample.eyes_seen) * known
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
        points = (points * (-1, 1) + (1, 0))[_MIRROR]
        turned = turned * np.outer((-1, 1, 1), (1, -1, 1))
        trust = trust[_MIRROR]
        gaze, open_eyes = (gaze * (-1, 1, 1))[::-1], open_eyes[::-1]
    if rng.random() < rough:
        picture = degrade(occlude(picture, rng), rng)
    # What is too dark to be seen teaches only that no face is seen.
    seen = max(cv2.mean(picture)) > _DARK
    trust, open_eyes, overlap = trust * seen, open_eyes * seen, overlap * seen
    held = float(overlap > 0.5)
    unsure = 0.25 < overlap <= 0.5
    return Example(
        crop=picture,
        landmarks=points,
        landmark_weight=trust * (overlap > 0.3),
        middles=float(sample.middles),
        rotation=turned,
        pose_weight=float(overlap > 0.35 and sample.rotation is not None),
        presence=held,
        presence_weight=1.0 - unsure,
        gaze=gaze,
        gaze_weight=open_eyes,
    )


def empty_example(sample: Sample, backgrounds: list[Image], rng: np.random.Generator) -> Example:
    """A crop that does not hold the face: beside it, far too near or far, or nothing at all."""
    if rng.random() < 0.1:
        return _none(_blank(rng))
    true = crop_from_landmarks(sample.landmarks, 0.0)
    kind = rng.random()
    if kind < 0.35 and backgrounds:
        image = backgrounds[int(rng.integers(len(backgrounds)))]
        side = float(np.exp(rng.uniform(np.log(30), np.log(min(image.shape[:2])))))
        crop = Crop(
            float(rng.uniform(0, image.shape[1])), float(rng.uniform(0, image.shape[0])), side,
            float(rng.normal(0, 0.3)),
        )  # fmt: skip
    elif kind < 0.85:
        image = sample.image
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
        image = sample.image
        factor = float(rng.choice([rng.uniform(0.2, 0.42), rng.uniform(2.3, 5.0)]))
        crop = Crop(true.cx, true.cy, true.side * factor, float(rng.normal(0, 0.3)))
    return _none(degrade(cut(image, crop), rng))


def _none(picture: Image) -> Example:
    return Example(picture, np.zeros((98, 2)), np.zeros(98), 0.0, geometry.FACING, 0.0, 0.0, 1.0)


def _blank(rng: np.random.Generator) -> Image:
    """What a covered lens, a wall or the night shows: one colour, sloping light, some noise."""
    steps = np.linspace(-1, 1, CROP_SIZE)
    slope = steps[:, None] * rng.normal(0, 10) + steps * rng.normal(0, 10)
    colour = rng.uniform(0, 255) * (rng.random() > 0.4) + rng.normal(0, 12, 3)
    noise = rng.normal(0, rng.uniform(0, 10), (CROP_SIZE, CROP_SIZE, 3))
    return np.clip(slope[..., None] + colour + noise, 0, 255).astype(np.uint8)


def _jittered(sample: Sample, rng: np.random.Generator, rough: float) -> Crop:
    upright = upright_angle(sample.landmarks)
    if sample.detection is not None and rng.random() < 0.3:
        start = square_of(sample.detection)
        spread, angle = 0.06, float(rng.normal(0, 0.15))
    else:
        wide = rng.random() < 0.25 * rough
        angle = upright + float(rng.uniform(-1.05, 1.05) if wide else rng.normal(0, 0.2))
        start = crop_from_landmarks(sample.landmarks, angle)
        spread = 0.16 if rng.random() < 0.15 * rough else 0.05
    dx, dy = rng.normal(0, spread, 2) * start.side
    factor = float(np.exp(rng.normal(0, 0.1 if spread < 0.1 else 0.25)))
    return Crop(start.cx + float(dx), start.cy + float(dy), start.side * factor, angle)


def occlude(picture: Image, rng: np.random.Generator) -> Image:
    """Sometimes hide a part behind a flat, noisy or pictured patch."""
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
    """Light, colour, focus, motion, resolution, noise and compression of real cameras."""
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
