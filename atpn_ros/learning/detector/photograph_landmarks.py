# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the landmarks of the one face in a photograph with the ATPN network.

The network refines a crop that already holds the face. It is started from several crops, each
refined a few times; an answer counts if several starts and the mirrored picture agree on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.crop import Crop, crop_from_landmarks, cut_batch
from atpn_ros.detectors.session import open_session
from atpn_ros.learning.data.sprites import BROWS, FOREHEAD, outline
from atpn_ros.types import Floats, Image

_ROUNDS = 3
_AGREE = 0.06
"""Mean distance between landmarks of answers that agree, in sides of the landmarks' box."""
_LEAST = 0.4
"""Share of the answers, mirrored ones among them, that must agree."""
_PRESENCE = 0.4
"""Answers whose presence is below do not count."""


@dataclass(frozen=True, slots=True)
class FoundFace:
    """What was found.

    Attributes:
        landmarks: (98, 2) pixels, WFLW order.
        up: (2,) pixels from the brows to the forehead's upper end.
        agreement: Share of the answers that agreed, 0..1.
    """

    landmarks: Floats
    up: Floats
    agreement: float

    @property
    def outline(self) -> Floats:
        """(60, 2) points that the face's box holds."""
        return outline(self.landmarks, self.up)


class Finder:
    """Finds the face of a photograph from crops that about hold it.

    Args:
        model: ONNX file of the face network.
    """

    def __init__(self, model: Path) -> None:
        outputs = {"landmarks", "rotation", "presence"}
        self._session = open_session(model, outputs, "face network of atpn_ros")
        self._input = self._session.get_inputs()[0].name

    def find(self, image: Image, starts: Sequence[Crop]) -> FoundFace | None:
        """The face that most starts lead to; None where they do not agree.

        Args:
            image: (H, W, 3) BGR.
            starts: Crops that about hold the face.
        """
        width = image.shape[1]
        mirrored = np.ascontiguousarray(image[:, ::-1])
        plain = self._refine(image, starts)
        turned = self._refine(
            mirrored, [Crop(width - 1 - c.cx, c.cy, c.side, -c.angle) for c in starts]
        )
        points = [p for p, _, _ in plain]
        ups = [u for _, u, _ in plain]
        for p, up, _ in turned:
            points.append((p * (-1, 1) + (width - 1, 0))[list(landmark_layouts.MIRROR98)])
            ups.append(up * (-1, 1))
        total = 2 * len(starts)
        if not points:
            return None
        all_points = np.stack(points)
        size = np.sqrt((all_points.max(1) - all_points.min(1)).prod(1)).clip(1)
        apart = np.linalg.norm(all_points[:, None] - all_points[None], axis=3).mean(2)
        near = apart < _AGREE * np.minimum(size[:, None], size[None])
        best = int(np.argmax(near.sum(1)))
        chosen = near[best]
        share = float(chosen.sum() / total)
        both = chosen[: len(plain)].any() and chosen[len(plain) :].any()
        if share < _LEAST or not both:
            return None
        up = np.median(np.stack(ups)[chosen], axis=0)
        return FoundFace(np.median(all_points[chosen], axis=0), up, share)

    def _refine(self, image: Image, starts: Sequence[Crop]) -> list[tuple[Floats, Floats, float]]:
        """Landmarks, the forehead's direction and presence after refining each start."""
        crops = list(starts)
        answers: list[tuple[Floats, Floats, float]] = []
        for _ in range(_ROUNDS):
            if not crops:
                return []
            values = self._session.run(
                ["landmarks", "rotation", "presence"], {self._input: cut_batch(image, crops)}
            )
            answers, following = [], []
            for crop, points, rotation, presence in zip(crops, *values, strict=True):
                landmarks = crop.to_image(np.asarray(points, np.float64))
                low, high = landmarks.min(0), landmarks.max(0)
                side = float((high - low).max())
                if presence < _PRESENCE or not 8 < side < 2 * max(image.shape[:2]):
                    continue
                answers.append((landmarks, _up(landmarks, rotation, crop.angle), float(presence)))
                following.append(crop_from_landmarks(landmarks))
            crops = following
        return answers


def _up(landmarks: Floats, rotation: Floats, angle: float) -> Floats:
    """(2,) pixels from the brows to the forehead's upper end.

    Args:
        landmarks: (98, 2) pixels.
        rotation: (3, 3) head to the crop's camera; the head's third axis points up.
        angle: Of the crop, radians.
    """
    x, y = float(rotation[0, 2]), float(rotation[1, 2])
    c, s = np.cos(angle), np.sin(angle)
    up = np.array([c * x - s * y, s * x + c * y])
    up /= max(float(np.linalg.norm(up)), 1e-6)
    height = float((landmarks[BROWS].mean(0) - landmarks[16]) @ up)
    return up * max(height, 0.0) * FOREHEAD
