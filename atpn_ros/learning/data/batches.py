# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PyTorch data set of training batches; batch number n is the same in every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from atpn_ros.learning.data.augment import (
    TrainingCrop,
    face_crop,
    find_crop,
    negative_crop,
    replace_background,
)
from atpn_ros.learning.data.detection_crops import DetectionCrops
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.types import Image

_OTHER_BACKGROUND = 0.6
"""Share of the faces with known opacity that get another background."""


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
class TrainingSet:
    """The faces and backgrounds that training crops are cut from.

    Attributes:
        renders: Faces with complete ground truth.
        photographs: Faces of photographs, with what their data sets annotate.
        backgrounds: Pictures without a face.
        finds: Crops of a detector's finds, or None.
    """

    renders: list[LabelledFace]
    photographs: list[LabelledFace]
    backgrounds: list[Image]
    finds: DetectionCrops | None = None


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Size, composition and random seed of the batches.

    Attributes:
        batch: Crops per batch.
        steps: Number of batches.
        photographs_share: Of photographs among the faces, where there are both kinds.
        empty_share: Of crops that hold no face.
        clean_fraction: Of the steps, at the end of a run, in which augmentation is a third as
            frequent: the end of a run learns precision.
        seed: Of all randomness.
        finds_share: Of crops that are a detector's finds, where there are any.
    """

    batch: int
    steps: int
    photographs_share: float
    empty_share: float
    clean_fraction: float
    seed: int
    finds_share: float = 0.5


class TrainingBatches(IterableDataset[tuple[np.ndarray, ...]]):
    """Batches ``first``, ``first + 1``, ... for process ``rank`` of ``count``."""

    def __init__(
        self,
        data: TrainingSet,
        settings: BatchSettings,
        first: int = 0,
        rank: int = 0,
        count: int = 1,
    ) -> None:
        self.data, self.settings = data, settings
        self.first, self.rank, self.count = first, rank, count

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for step in range(self.first + worker, self.settings.steps, workers):
            yield self.batch(step)

    def batch(self, step: int) -> tuple[np.ndarray, ...]:
        """Crops and training targets of a step, for this process; see :func:`stack`."""
        rng = np.random.default_rng((self.settings.seed, step, self.rank))
        strength = 1.0 if step < self.settings.steps * (1 - self.settings.clean_fraction) else 1 / 3
        return stack([self._crop(rng, strength) for _ in range(self.settings.batch)])

    def _crop(self, rng: np.random.Generator, strength: float) -> TrainingCrop:
        finds = self.data.finds
        if finds is not None and rng.random() < self.settings.finds_share:
            index = int(rng.integers(len(finds.faces)))
            return find_crop(finds.crops[index], float(finds.faces[index]), rng)
        renders, photographs = self.data.renders, self.data.photographs
        real = not renders or (bool(photographs) and rng.random() < self.settings.photographs_share)
        samples = photographs if real else renders
        sample = samples[int(rng.integers(len(samples)))]
        backgrounds = self.data.backgrounds
        if sample.opacity is not None and backgrounds and rng.random() < _OTHER_BACKGROUND:
            sample = replace_background(sample, backgrounds, rng)
        if rng.random() < self.settings.empty_share:
            return negative_crop(sample, backgrounds, rng)
        return face_crop(sample, rng, strength)


def stack(crops: list[TrainingCrop]) -> tuple[np.ndarray, ...]:
    """A batch: (N, 128, 128, 3) crops, then the fields of :class:`Truth`."""
    columns = [np.asarray([getattr(c, f) for c in crops], np.float32) for f in Truth._fields]
    return np.stack([c.crop for c in crops]), *columns
