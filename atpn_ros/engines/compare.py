# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compares two engines on the same crops: the maximum and mean difference of each output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines.base import NAMES, Engine
from atpn_ros.types import Image

LIMITS: dict[str, float] = {
    "landmarks": 0.004,  # half a pixel of a 128 pixel crop
    "rotation": 0.02,  # about 1 degree
    "presence": 0.02,
    "sigma": 0.004,
    "gaze": 0.02,
    "gaze_sigma": 0.02,
}
"""Largest allowed difference of each output: what half precision may cost."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of one output from the reference, over all crops.

    Attributes:
        output: Its name.
        greatest: Maximum absolute difference; NaN if the output is missing or has another shape.
        mean: Mean absolute difference.
        limit: Largest allowed difference.
    """

    output: str
    greatest: float
    mean: float
    limit: float

    @property
    def passes(self) -> bool:
        """Whether the maximum is within the limit."""
        return self.greatest <= self.limit


def sample_crops(count: int = 24, seed: int = 0) -> Image:
    """(count, 128, 128, 3) uint8 crops of random patterns of several scales, black and white."""
    rng = np.random.default_rng(seed)
    crops = np.empty((count, CROP_SIZE, CROP_SIZE, 3), np.uint8)
    for i in range(count):
        coarse = rng.integers(0, 256, (2 << (i % 6), 2 << (i % 6), 3), dtype=np.uint8)
        size = (CROP_SIZE, CROP_SIZE)
        crops[i] = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    crops[0], crops[-1] = 0, 255
    return crops


def compare(
    engine: Engine, reference: Engine, crops: Image, batches: tuple[int, ...] = (1, 2, 4, 3)
) -> list[Difference]:
    """Run both engines on the same crops, in batches of changing sizes.

    Args:
        engine: The engine to check.
        reference: The engine to compare with.
        crops: (N, 128, 128, 3) uint8 BGR.
        batches: Batch sizes, repeated in turn.

    Raises:
        BackendError: One of the engines failed.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for batch in _batches(crops, batches):
        got, expected = engine.run(batch), reference.run(batch)
        for name in NAMES:
            a, b = getattr(got, name), getattr(expected, name)
            if b is None:
                continue
            far = np.full(1, np.nan) if a is None or a.shape != b.shape else np.abs(a - b)
            found.setdefault(name, []).append((float(far.max()), float(far.mean())))
    return [
        Difference(
            name,
            float(np.max([g for g, _ in values])),
            float(np.mean([m for _, m in values])),
            LIMITS[name],
        )
        for name, values in found.items()
    ]


def _batches(crops: Image, batches: tuple[int, ...]) -> Iterator[Image]:
    start = turn = 0
    while start < len(crops):
        size = batches[turn % len(batches)]
        yield crops[start : start + size]
        start, turn = start + size, turn + 1
