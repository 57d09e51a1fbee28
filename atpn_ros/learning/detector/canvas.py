# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An image into which people and rectangles are pasted; records what stays visible of each face."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.learning.data.sprites import Sprite
from atpn_ros.learning.detector import distractors
from atpn_ros.learning.detector.sprite_appearance import head
from atpn_ros.types import Floats, Image

_HIDDEN, _PARTLY = 0.7, 0.4
"""Share of a box that is hidden or outside, from which a face is none, or not counted."""


class Canvas:
    """A picture that grows, and how much of each face is still seen."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self._faces: list[tuple[Floats, Floats]] = []  # corners, and what is seen of the box
        self._rims: list[tuple[int, int, int, int]] = []  # of those arrays, in pixels

    def paste(
        self, sprite: Sprite, place: Floats, size: float, turn: float, wide: float,
        where: tuple[Floats, float] | None = None,
        area: tuple[float, float, float, float] | None = None,
    ) -> None:  # fmt: skip
        """Paste a person, the face's middle (else the picture's) at ``place``.

        Args:
            sprite: Who or what.
            place: (2,) pixels.
            size: Side of the face, pixels.
            turn: Radians, clockwise as one sees it.
            wide: Stretches the picture sideways; below 0 it is mirrored.
            where: Middle and size of the face in the sprite, if it is placed as another one.
            area: x, y, width and height of a rectangle beyond which nothing is set in.
        """
        image, outline = sprite.image, sprite.outline
        height, width = image.shape[:2]
        middle, now = where or head(sprite)
        scale = size / now
        c, s = np.cos(turn) * scale, np.sin(turn) * scale
        matrix = np.array([[c * wide, -s, 0.0], [s * wide, c, 0.0]])
        matrix[:, 2] = place - matrix[:, :2] @ middle
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - 0.5
        corners = corners @ matrix[:, :2].T + matrix[:, 2]
        x0, y0 = np.maximum(np.floor(corners.min(0)), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(corners.max(0)) + 1, self.image.shape[1::-1]).astype(int)
        if area is not None:
            x0, y0 = max(x0, int(area[0])), max(y0, int(area[1]))
            x1, y1 = min(x1, int(area[0] + area[2])), min(y1, int(area[1] + area[3]))
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        matrix[:, 2] -= (x0, y0)
        drawn = cv2.warpAffine(image, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
        matrix[:, 2] += (x0, y0)
        alpha = drawn[..., 3:].astype(np.float32) * (1 / 255)
        below = self.image[y0:y1, x0:x1]
        below[:] = (below + (drawn[..., :3] - below.astype(np.float32)) * alpha).astype(np.uint8)
        self.hide((x0, y0), alpha[..., 0] > 0.5)
        if outline is not None:
            within = None if area is None else (x0, y0, x1, y1)
            self._add(outline @ matrix[:, :2].T + matrix[:, 2], within)

    def tile(
        self, sprite: Sprite, area: tuple[float, float, float, float], size: float, turn: float,
        wide: float, middle: tuple[float, float],
    ) -> None:  # fmt: skip
        """Fill a rectangle with a picture.

        Args:
            sprite: Its opacity is not looked at.
            area: x, y, width and height, pixels.
            size: What 60 pixels of the sprite become.
            turn: Radians.
            wide: As of :meth:`paste`.
            middle: Pixel of the sprite that comes to the rectangle's middle.
        """
        place = np.array([area[0] + area[2] / 2, area[1] + area[3] / 2])
        self.paste(sprite, place, size, turn, wide, (np.asarray(middle), 60.0), area)

    def overlay(
        self, drawn: Image, mask: Image, place: Floats, blur: float, opacity: float = 1.0
    ) -> None:
        """Blend a square drawing over what is there.

        Args:
            drawn: (S, S, 3) uint8 BGR.
            mask: (S, S) uint8, 255 where it is drawn.
            place: (2,) pixels of the picture where its middle comes to lie.
            blur: Standard deviation of the blur of the mask, pixels.
            opacity: 0..1, of what is drawn. Up to 0.5, it hides nothing.
        """
        side = len(mask)
        left, top = (int(v) - side // 2 for v in place)
        height, width = self.image.shape[:2]
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(width, left + side), min(height, top + side)
        if x1 - x0 < 1 or y1 - y0 < 1:
            return
        soft = cv2.GaussianBlur(mask, (0, 0), blur)
        part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        alpha = soft[part][..., None] * np.float32(opacity / 255)
        area = self.image[y0:y1, x0:x1]
        area[:] = area * (1 - alpha) + drawn[part] * alpha
        self.hide((x0, y0), alpha[..., 0] > 0.5)

    def cover(self, rng: np.random.Generator) -> None:
        """Something in front of everything."""
        height, width = self.image.shape[:2]
        w, h = (int(v) for v in rng.uniform(0.05, 0.3, 2) * width)
        x, y = int(rng.integers(width)), int(rng.integers(height))
        area = self.image[y : y + h, x : x + w]
        area[:] = distractors.cloth(rng, *area.shape[:2])
        self.hide((x, y), np.ones(area.shape[:2], bool))

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

    def _add(self, points: Floats, within: tuple[int, int, int, int] | None = None) -> None:
        corners = np.concatenate([points.min(0), points.max(0)])
        x0, y0, x1, y1 = np.round(corners).astype(int)
        seen = np.zeros((max(1, y1 - y0), max(1, x1 - x0)), bool)
        height, width = self.image.shape[:2]
        left, top, right, bottom = within or (0, 0, width, height)
        seen[max(0, top - y0) : max(0, bottom - y0), max(0, left - x0) : max(0, right - x0)] = True
        self._faces.append((corners, seen))
        self._rims.append((int(x0), int(y0), int(x0) + seen.shape[1], int(y0) + seen.shape[0]))

    def hide(self, corner: tuple[int, int], mask: Floats) -> None:
        """Mark the area of a mask at a corner as covered."""
        if not self._faces:
            return
        x, y = int(corner[0]), int(corner[1])
        rims = np.asarray(self._rims)
        low = np.maximum(rims[:, :2], (x, y))
        high = np.minimum(rims[:, 2:], (x + mask.shape[1], y + mask.shape[0]))
        for i in np.nonzero((high > low).all(axis=1))[0]:
            (x0, y0), (x1, y1) = low[i].tolist(), high[i].tolist()
            bx, by = self._rims[i][:2]
            over = mask[y0 - y : y1 - y, x0 - x : x1 - x]
            self._faces[i][1][y0 - by : y1 - by, x0 - bx : x1 - bx] &= ~over
