# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An endless stream of batches; batch number n is the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from atpn_ros.learning.data.augment import Example, empty_example, face_example
from atpn_ros.learning.data.photographs import Sample
from atpn_ros.types import Image


class Truth(NamedTuple):
    """Training targets of a batch of N crops; a weight of 0 excludes a target from its loss.

    Attributes:
        landmarks: (N, 98, 2) crop coordinates, 0..1.
        landmark_weight: (N, 98) 0..1.
        middles: (N,) 1 where the brows' upper points are annotated on the brows' middle lines.
        rotation: (N, 3, 3) head to the crop's own camera.
        pose_weight: (N,) 0 or 1.
        presence: (N,) 1 if the crop contains the face, else 0.
        presence_weight: (N,) 0 or 1.
        gaze: (N, 2, 3) unit directions of the right and left eye in the crop's own camera.
        gaze_weight: (N, 2) 0 or 1.
    """

    landmarks: Tensor
    landmark_weight: Tensor
    middles: Tensor
    rotation: Tensor
    pose_weight: Tensor
    presence: Tensor
    presence_weight: Tensor
    gaze: Tensor
    gaze_weight: Tensor


@dataclass(frozen=True, slots=True)
class Source:
    """What examples are made from.

    Attributes:
        renders: Faces with all truths.
        photographs: Faces with clicked points only.
        backgrounds: Pictures without a face.
    """

    renders: list[Sample]
    photographs: list[Sample]
    backgrounds: list[Image]


@dataclass(frozen=True, slots=True)
class Mix:
    """In what shares, and which of them.

    Attributes:
        batch: Examples per batch.
        steps: Batches in all.
        photographs_share: Of photographs among the faces, where there are both kinds.
        empty_share: Of examples that hold no face.
        calm: The last share of the steps, in which pictures are spoilt and crops far off only a
            third as often: the end of a run learns precision.
        seed: Decides all.
    """

    batch: int
    steps: int
    photographs_share: float
    empty_share: float
    calm: float
    seed: int


class Examples(IterableDataset[tuple[np.ndarray, ...]]):
    """Batches ``first``, ``first + 1``, ... of a source; every ``count``-th, from ``rank`` on."""

    def __init__(
        self, source: Source, mix: Mix, first: int = 0, rank: int = 0, count: int = 1
    ) -> None:
        self.source, self.mix = source, mix
        self.first, self.rank, self.count = first, rank, count

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for step in range(self.first + worker, self.mix.steps, workers):
            yield self.batch(step)

    def batch(self, step: int) -> tuple[np.ndarray, ...]:
        """The batch of a step, for this one of several processes."""
        rng = np.random.default_rng((self.mix.seed, step, self.rank))
        rough = 1.0 if step < self.mix.steps * (1 - self.mix.calm) else 1 / 3
        return stack([self._example(rng, rough) for _ in range(self.mix.batch)])

    def _example(self, rng: np.random.Generator, rough: float) -> Example:
        renders, photographs = self.source.renders, self.source.photographs
        real = not renders or (bool(photographs) and rng.random() < self.mix.photographs_share)
        samples = photographs if real else renders
        sample = samples[int(rng.integers(len(samples)))]
        if rng.random() < self.mix.empty_share:
            return empty_example(sample, self.source.backgrounds, rng)
        return face_example(sample, rng, rough)


def stack(examples: list[Example]) -> tuple[np.ndarray, ...]:
    """Crops, then the fields of :class:`Truth`, as a batch."""
    columns = [np.asarray([getattr(e, f) for e in examples], np.float32) for f in Truth._fields]
    return np.stack([e.crop for e in examples]), *columns
