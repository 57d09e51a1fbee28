# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A picture that people and squares are set into, and what is then still seen of each face."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.learning.detector import clutter
from atpn_ros.learning.detector.looks import head
from atpn_ros.learning.detector.sprites import Sprite
from atpn_ros.types import Floats, Image

_HIDDEN, _PARTLY = 0.6, 0.3
"""Share of a box that is hidden or outside, from which a face is none, or not counted."""


class Canvas:
    """A picture that grows, and how much of each face is still seen."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._faces: list[tuple[Floats, Floats]] = []  # corners, and what is seen of the box

    def paste(self, sprite: Sprite, place: Floats, size: float, turn: float, wide: float) -> None:
        """Set somebody in, the face's middle (else the picture's) at ``place``.

        ``wide`` stretches the picture sideways; below 0 it is mirrored.
        """
        image, outline = sprite.image, sprite.outline
        height, width = image.shape[:2]
        middle, now = head(sprite)
        scale = size / now
        c, s = np.cos(turn) * scale, np.sin(turn) * scale
        matrix = np.array([[c * wide, -s, 0.0], [s * wide, c, 0.0]])
        matrix[:, 2] = place - matrix[:, :2] @ middle
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - 0.5
        corners = corners @ matrix[:, :2].T + matrix[:, 2]
        x0, y0 = np.maximum(np.floor(corners.min(0)), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(corners.max(0)) + 1, self.image.shape[1::-1]).astype(int)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        matrix[:, 2] -= (x0, y0)
        drawn = cv2.warpAffine(image, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
        matrix[:, 2] += (x0, y0)
        alpha = drawn[..., 3:].astype(np.float32) * (1 / 255)
        area = self.image[y0:y1, x0:x1]
        area[:] = (area + (drawn[..., :3] - area.astype(np.float32)) * alpha).astype(np.uint8)
        self._hide((x0, y0), alpha[..., 0] > 0.5)
        if outline is not None:
            self._add(outline @ matrix[:, :2].T + matrix[:, 2])

    def square(
        self, image: Image, outline: Floats | None, corner: tuple[int, int], side: int, flip: bool,
        turn: float = 0.0,
    ) -> None:  # fmt: skip
        """Set a square in, whole, its content turned within it."""
        drawn = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        points = None
        if outline is not None:
            scale = side / image.shape[1]
            points = (outline + 0.5) * scale - 0.5
            matrix = cv2.getRotationMatrix2D(((side - 1) / 2,) * 2, np.degrees(turn), 1.0)
            drawn = cv2.warpAffine(drawn, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
            points = points @ matrix[:, :2].T + matrix[:, 2]
        if flip:
            drawn = drawn[:, ::-1]
            points = None if points is None else points * (-1, 1) + (side - 1, 0)
        x0, y0 = max(0, corner[0]), max(0, corner[1])
        area = self.image[y0 : corner[1] + side, x0 : corner[0] + side]
        h, w = area.shape[:2]
        area[:] = drawn[y0 - corner[1] :, x0 - corner[0] :][:h, :w]
        if points is not None:
            self._add(points + corner)

    def cover(self, rng: np.random.Generator) -> None:
        """Something in front of everything."""
        height, width = self.image.shape[:2]
        w, h = (int(v) for v in rng.uniform(0.05, 0.3, 2) * width)
        x, y = int(rng.integers(width)), int(rng.integers(height))
        area = self.image[y : y + h, x : x + w]
        area[:] = clutter.cloth(rng, *area.shape[:2])
        self._hide((x, y), np.ones(area.shape[:2], bool))

    def truth(self) -> tuple[Floats, Floats]:
        """(K, 4) boxes of faces and (L, 4) of those not counted."""
        boxes, ignored = [], []
        for corners, seen in self._faces:
            hidden = 1 - float(seen.mean()) if seen.size else 1.0
            if hidden < _PARTLY:
                boxes.append(corners)
            elif hidden < _HIDDEN:
                ignored.append(corners)
        empty = np.zeros((0, 4), np.float32)
        return (
            np.asarray(boxes, np.float32) if boxes else empty,
            np.asarray(ignored, np.float32) if ignored else empty,
        )

    def _add(self, points: Floats) -> None:
        corners = np.concatenate([points.min(0), points.max(0)])
        x0, y0, x1, y1 = np.round(corners).astype(int)
        seen = np.zeros((max(1, y1 - y0), max(1, x1 - x0)), bool)
        height, width = self.image.shape[:2]
        seen[max(0, -y0) : max(0, height - y0), max(0, -x0) : max(0, width - x0)] = True
        self._faces.append((corners, seen))

    def _hide(self, corner: tuple[int, int], mask: Floats) -> None:
        x, y = int(corner[0]), int(corner[1])
        for corners, seen in self._faces:
            bx, by = np.round(corners[:2]).astype(int)
            x0, y0 = max(x, bx), max(y, by)
            x1 = min(x + mask.shape[1], bx + seen.shape[1])
            y1 = min(y + mask.shape[0], by + seen.shape[0])
            if x1 > x0 and y1 > y0:
                over = mask[y0 - y : y1 - y, x0 - x : x1 - x]
                seen[y0 - by : y1 - by, x0 - bx : x1 - bx] &= ~over
