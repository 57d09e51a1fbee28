# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""People cut out along their outline, to be set into scenes; and what a face's box is.

A face's box holds chin, cheeks, nose and the forehead up to the hair, as the boxes of the usual
detectors do. It is taken around points and not kept as a box, since the points can be turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.synth.assets import london
from atpn_ros.types import Floats, Image

BROWS = slice(33, 51)
"""WFLW-98's points of both brows."""
_NOSE = slice(51, 60)
FOREHEAD = 0.42
"""Height of what a box holds above the brows, over the distance from the brows to the chin."""
FOREHEAD_M = 0.045
"""The same height where the head is known in metres."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """Somebody, cut out.

    Attributes:
        image: (S, S, 4) uint8 BGR and opacity.
        outline: (K, 2) pixels of the points that the face's box holds; None: no face is seen.
    """

    image: Image
    outline: Floats | None


def outline(landmarks: Floats, up: Floats) -> Floats:
    """(60, 2) points that a face's box holds.

    Args:
        landmarks: (98, 2) pixels, WFLW order.
        up: (2,) pixels from the brows to the forehead's upper end.
    """
    brows = landmarks[BROWS] + up
    return np.concatenate([landmarks[:33], landmarks[_NOSE], brows]).astype(np.float32)


def frontal_outline(landmarks: Floats) -> Floats:
    """:func:`outline` of a face that looks into the camera, from its landmarks alone."""
    across = landmarks[list(landmark_layouts.LEFT_EYE)].mean(0) - landmarks[
        list(landmark_layouts.RIGHT_EYE)
    ].mean(0)
    down = np.array([-across[1], across[0]]) / max(float(np.linalg.norm(across)), 1e-6)
    height = float((landmarks[16] - landmarks[BROWS].mean(0)) @ down)
    return outline(landmarks, -down * height * FOREHEAD)


def cut_portrait(portrait: london.Portrait, side: int) -> Sprite:
    """A studio portrait without its plain background, at a side of ``side`` pixels."""
    scale = side / portrait.image.shape[1]
    image = cv2.resize(portrait.image, (side, side), interpolation=cv2.INTER_AREA)
    landmarks = (london.to_wflw98(portrait.points) + 0.5) * scale - 0.5
    # What is like the border at both sides is background, unless it lies inside the person.
    mask = np.full((side, side), cv2.GC_PR_BGD, np.uint8)
    low, high = landmarks.min(0), landmarks.max(0)
    width, height = high - low
    middle = tuple(int(v) for v in ((low + high) / 2 - (0, 0.1 * height)))
    cv2.ellipse(mask, middle, (int(0.9 * width), int(1.15 * height)), 0, 0, 360, cv2.GC_PR_FGD, -1)
    shoulders = int(high[1] + 0.45 * height)
    mask[shoulders:, side // 8 : -side // 8] = cv2.GC_PR_FGD
    cv2.fillConvexPoly(mask, cv2.convexHull(landmarks.astype(np.int32)), cv2.GC_FGD)
    chest = slice(int(middle[0] - 0.7 * width), int(middle[0] + 0.7 * width))
    mask[shoulders:, chest] = cv2.GC_FGD
    edge = max(2, side // 40)
    mask[:edge] = cv2.GC_BGD
    mask[: int(high[1]), :edge] = mask[: int(high[1]), -edge:] = cv2.GC_BGD
    cv2.setRNGSeed(1)
    cv2.grabCut(image, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(solid)
    solid = (parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))) if count > 1 else solid > 0
    soft = cv2.GaussianBlur(solid.astype(np.float32), (0, 0), 0.8)
    alpha = np.clip((soft - 0.35) / 0.65, 0, 1) * 255
    return Sprite(np.dstack([image, alpha.astype(np.uint8)]), frontal_outline(landmarks))


def save(path: Path, sprites: list[Sprite]) -> None:
    """Write sprites of one size, whole or not at all."""
    none = np.full((60, 2), np.nan, np.float32)
    with atomic_replace(path) as part:
        np.savez(
            part,
            images=np.stack([s.image for s in sprites]),
            outlines=np.stack([none if s.outline is None else s.outline for s in sprites]),
        )


def load(folder: Path, pattern: str) -> list[Sprite]:
    """All sprites of a folder's files of a pattern (``people-*.npz``), in order.

    Raises:
        DataError: There is none, or one is damaged; names the file.
    """
    found: list[Sprite] = []
    for path in sorted(folder.glob(pattern)):
        try:
            with np.load(path, allow_pickle=False) as stored:
                images, outlines = stored["images"], stored["outlines"]
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{path}: not sprites: {error}") from error
        if images.ndim != 4 or images.shape[3] != 4 or len(images) != len(outlines):
            raise DataError(f"{path}: images {images.shape} for {len(outlines)} outlines")
        for image, points in zip(images, outlines, strict=True):
            found.append(Sprite(image, points if np.isfinite(points).all() else None))
    if not found:
        raise DataError(f"{folder}: holds no sprites ({pattern})")
    return found
