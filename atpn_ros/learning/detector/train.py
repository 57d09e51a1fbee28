# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teaching the detector: resumable at any time, the same schedule however often it is interrupted.

The learning rate falls along a cosine several times, each time from a lower peak: every end is a
network that can be used, and the last is the best.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.detector.export import export
from atpn_ros.learning.detector.network import Detector, DetectorSettings
from atpn_ros.learning.detector.scenes import Composer, Material, ScenePlan
from atpn_ros.learning.detector.targets import Targets, encode, loss, mirrored
from atpn_ros.learning.training import checkpoints
from atpn_ros.types import Image


@dataclass(frozen=True, slots=True)
class DetectorTraining:
    """One run.

    Attributes:
        steps: Batches in all.
        ends: Shares of the steps at which a cosine ends; the last is 1.
        peaks: Learning rate at the start of each cosine.
        batch: Scenes per batch.
        warmup: Steps of linear rise at the first.
        weight_decay: Of AdamW.
        average: Decay of the moving average of the weights, which is what is exported.
        seed: Of the scenes and the first weights.
        save_every: Steps between checkpoints; even, since batches come in pairs.
        precision: Of the convolutions; bfloat16 is faster where the processor has it.
        network: Its size.
        scenes: What it learns from.
    """

    steps: int = 12000
    ends: tuple[float, ...] = (0.4, 0.75, 1.0)
    peaks: tuple[float, ...] = (2e-3, 1.5e-3, 1e-3)
    batch: int = 16
    warmup: int = 200
    weight_decay: float = 0.02
    average: float = 0.998
    seed: int = 1
    save_every: int = 250
    precision: Literal["float32", "bfloat16"] = "float32"
    network: DetectorSettings = field(default_factory=DetectorSettings)
    scenes: ScenePlan = field(default_factory=ScenePlan)

    def __post_init__(self) -> None:
        if self.save_every % 2 or self.steps % 2:
            raise ValueError("steps and save_every must be even")
        if len(self.ends) != len(self.peaks) or list(self.ends) != sorted(self.ends):
            raise ValueError("ends must rise, with a peak for each")

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        ends = [round(share * self.steps) for share in self.ends]
        which = next((i for i, end in enumerate(ends) if step < end), len(ends) - 1)
        begin = ends[which - 1] if which else 0
        part = (step - begin) / max(1, ends[which] - begin)
        rise = min(1.0, (step + 1) / self.warmup)
        return self.peaks[which] * rise * (0.5 + 0.5 * math.cos(math.pi * min(1.0, part)))


class _Batches(IterableDataset[tuple[Image, Targets]]):
    """Batches for two steps each; number n is the same in every run."""

    def __init__(self, material: Material, run: DetectorTraining, first: int) -> None:
        self.composer, self.run, self.first = Composer(material, run.scenes), run, first

    def __iter__(self) -> Iterator[tuple[Image, Targets]]:
        cv2.setNumThreads(1)
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for pair in range(self.first // 2 + worker, (self.run.steps + 1) // 2, workers):
            yield self._batch(np.random.default_rng((self.run.seed, pair)))

    def _batch(self, rng: np.random.Generator) -> tuple[Image, Targets]:
        scenes = [self.composer.scene(rng) for _ in range(self.run.batch)]
        coded = [encode(s.boxes, s.ignored, self.run.scenes.size) for s in scenes]
        columns = [np.stack(column) for column in zip(*coded, strict=True)]
        return np.stack([s.image for s in scenes]), Targets(*columns)


def _both_ways(stream: Iterable[tuple[Tensor, Targets]]) -> Iterator[tuple[Tensor, Targets]]:
    """Each batch as it is, then in a mirror."""
    for images, targets in stream:
        yield images, targets
        yield images.flip(2), mirrored(targets)


def train(run: DetectorTraining, material: Material, folder: Path, workers: int = 1) -> Detector:
    """Train, or go on training, in a folder; returns the averaged network.

    The folder gets ``checkpoint.pt`` (atomic), ``log.csv`` and ``detector.onnx`` at every save.

    Raises:
        DataError: The folder's checkpoint belongs to another run or cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(run.seed)
    network, average = Detector(run.network), Detector(run.network)
    average.load_state_dict(network.state_dict())
    network.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=run.weight_decay)
    known, checkpoint = asdict(run), folder / "checkpoint.pt"
    first = checkpoints.resume(checkpoint, known, network, average, optimiser)
    stream = DataLoader(
        _Batches(material, run, first), batch_size=None, num_workers=workers,
        prefetch_factor=6 if workers else None,
    )  # fmt: skip
    began, sums, count = time.monotonic(), torch.zeros(2), 0
    for step, (images, targets) in enumerate(_both_ways(stream), first):
        for group in optimiser.param_groups:
            group["lr"] = run.rate(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=run.precision == "bfloat16"):
            cells = network(images)
        parts = loss(cells, targets)
        optimiser.zero_grad()
        parts.sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        # At the start the average would still hold the first, random weights.
        checkpoints.update_ema(average, network, min(run.average, (step + 1) / (step + 10)))
        sums, count = sums + parts.detach(), count + 1
        done = step + 1
        if done % run.save_every == 0 or done == run.steps:
            checkpoints.save(checkpoint, known, done, network, average, optimiser)
            _publish(average, folder / "detector.onnx")
            row = [done, *(f"{v:.4f}" for v in (sums / count).tolist()), f"{run.rate(step):.2e}",
                   f"{time.monotonic() - began:.0f}"]  # fmt: skip
            _log(folder / "log.csv", row)
            print("step {} heat {} box {} rate {} {} s".format(*row), flush=True)
            sums, count = torch.zeros(2), 0
        if done == run.steps:
            break
    return average


def load_average(checkpoint: Path) -> Detector:
    """The averaged network of a checkpoint.

    Raises:
        DataError: It is none of a detector, or cannot be read.
    """
    state = checkpoints.read(checkpoint)
    try:
        network = Detector(DetectorSettings(**state["settings"]["network"]))
        network.load_state_dict(state["average"])
    except checkpoints.UNREADABLE as error:
        raise DataError(f"{checkpoint}: no checkpoint of a detector") from error
    return network.eval()


def _publish(average: Detector, path: Path) -> None:
    with atomic_replace(path) as part:
        export(average, part)
    average.train()


def _log(path: Path, row: list[object]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "heat", "box", "rate", "seconds"])
        writer.writerow(row)
