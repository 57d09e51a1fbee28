# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the landmarks of the one face in a photograph with the ATPN network.

The network runs on several crops that contain the face, each refined a few times by the landmarks.
A result is used if those of several crops and of the mirrored photograph agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.crop import Crop, crop_from_landmarks, cut_batch
from atpn_ros.engines.base import Engine
from atpn_ros.geometry import about_z
from atpn_ros.learning.data.sprites import forehead, outline
from atpn_ros.types import Floats, Image

_ROUNDS = 3
_AGREE = 0.06
"""Largest mean distance between the landmarks of results that agree, in sides of their box."""
_LEAST = 0.4
"""Share of the results, mirrored ones included, that must agree."""
_PRESENCE = 0.4
"""Results with a lower presence are ignored."""


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face in a photograph.

    Attributes:
        landmarks: (98, 2) pixels, WFLW order.
        up: (2,) pixels from the brows to the forehead's upper end.
        agreement: Share of the results that agree, 0..1.
    """

    landmarks: Floats
    up: Floats
    agreement: float

    @property
    def outline(self) -> Floats:
        """(60, 2) points that the face's box contains."""
        return outline(self.landmarks, self.up)


class Finder:
    """Finds the face of a photograph from crops that roughly contain it.

    Args:
        engine: Runs the face network.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, image: Image, starts: Sequence[Crop]) -> FoundFace | None:
        """The face on which most results agree; None if too few do.

        Args:
            image: (H, W, 3) BGR.
            starts: Crops that roughly contain the face.
        """
        width = image.shape[1]
        mirrored = np.ascontiguousarray(image[:, ::-1])
        plain = self._refine(image, starts)
        turned = self._refine(mirrored, [mirrored_crop(c, width) for c in starts])
        points = [p for p, _ in plain]
        ups = [u for _, u in plain]
        for p, up in turned:
            points.append((p * (-1, 1) + (width - 1, 0))[list(landmark_layouts.MIRROR98)])
            ups.append(up * (-1, 1))
        if not points:
            return None
        all_points = np.stack(points)
        size = np.sqrt((all_points.max(1) - all_points.min(1)).prod(1)).clip(1)
        apart = np.linalg.norm(all_points[:, None] - all_points[None], axis=3).mean(2)
        near = apart < _AGREE * np.minimum(size[:, None], size[None])
        chosen = near[int(np.argmax(near.sum(1)))]
        share = float(chosen.sum() / (2 * len(starts)))
        both = chosen[: len(plain)].any() and chosen[len(plain) :].any()
        if share < _LEAST or not both:
            return None
        up = np.median(np.stack(ups)[chosen], axis=0)
        return FoundFace(np.median(all_points[chosen], axis=0), up, share)

    def _refine(self, image: Image, starts: Sequence[Crop]) -> list[tuple[Floats, Floats]]:
        """Landmarks, and pixels from the brows to the end of the forehead, of each refined crop."""
        crops, answers = list(starts), list[tuple[Floats, Floats]]()
        for _ in range(_ROUNDS):
            if not crops:
                return []
            output = self._engine.run(cut_batch(image, crops))
            answers = []
            for crop, points, rotation, presence in zip(
                crops, output.landmarks, output.rotation, output.presence, strict=True
            ):
                landmarks = crop.to_image(np.asarray(points, np.float64))
                side = float(np.ptp(landmarks, axis=0).max())
                if presence < _PRESENCE or not 8 < side < 2 * max(image.shape[:2]):
                    continue
                axis = (about_z(crop.angle) @ rotation)[:2, 2]
                answers.append((landmarks, forehead(landmarks, axis)))
            crops = [crop_from_landmarks(landmarks) for landmarks, _ in answers]
        return answers


def mirrored_crop(crop: Crop, width: int) -> Crop:
    """The same crop in the mirrored image of ``width`` pixels."""
    return Crop(width - 1 - crop.cx, crop.cy, crop.side, -crop.angle)
