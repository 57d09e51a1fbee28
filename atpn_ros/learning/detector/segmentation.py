# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cuts people out of photographs with GrabCut."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.learning.data.cutouts import Cutout
from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector.source_photographs import Photograph
from atpn_ros.types import Floats, Image

FACE = 120.0
"""Side of a kept face (root of its box's area), pixels: larger photographs are shrunk to it."""
_WORK = 150
"""The outline is sought on a picture of this height: finer is slower and no better."""


def cut(photograph: Photograph) -> Cutout:
    """The person of a photograph, at most :data:`FACE` large."""
    image, points = photograph.image, photograph.outline
    size = float(np.sqrt(np.prod(points.max(0) - points.min(0))))
    scale = min(1.0, FACE / size)
    if scale < 1.0:
        shape = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        image = np.asarray(cv2.resize(image, shape, interpolation=cv2.INTER_AREA), np.uint8)
    landmarks = (photograph.landmarks + 0.5) * scale - 0.5
    outline = ((points + 0.5) * scale - 0.5).astype(np.float32)
    alpha = _opacity(image, landmarks, outline)
    sprite = Sprite(np.dstack([image, alpha]), outline)
    return Cutout(sprite, landmarks, photograph.name, photograph.held_out)


def _opacity(image: Image, landmarks: Floats, outline: Floats) -> Image:
    """(H, W) uint8, 255 on the person, by GrabCut from an oval head on shoulders."""
    scale = min(1.0, _WORK / image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    low, high = outline.min(0) * scale, outline.max(0) * scale
    w, h = high - low
    middle = (low + high) / 2
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    centre = (int(middle[0]), int(middle[1] - 0.1 * h))
    cv2.ellipse(mask, centre, (int(0.85 * h), int(0.85 * h)), 0, 0, 360, cv2.GC_PR_FGD, -1)
    shoulders = int(high[1] + 0.35 * h)
    mask[shoulders:, width // 6 : -width // 6] = cv2.GC_PR_FGD
    cv2.fillConvexPoly(mask, cv2.convexHull((landmarks * scale).astype(np.int32)), cv2.GC_FGD)
    chest = slice(max(0, int(middle[0] - 0.6 * w)), max(1, int(middle[0] + 0.6 * w)))
    mask[shoulders:, chest] = cv2.GC_FGD
    edge = max(2, height // 50)
    mask[:edge] = cv2.GC_BGD
    sides = mask[: max(edge, int(high[1]))]
    sides[:, :edge] = sides[:, -edge:] = cv2.GC_BGD
    cv2.setRNGSeed(1)
    cv2.grabCut(small, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(solid)
    if count > 1:
        solid = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    soft = cv2.resize(solid.astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(soft, (0, 0), 0.8)
    return np.asarray(np.clip((soft - 0.35) / 0.5, 0, 1) * 255, np.uint8)
