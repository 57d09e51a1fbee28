# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trains the detector; a run can be stopped, resumed and finished early.

The learning rate rises, then stays; once a run is finished, it falls to 0 in a given number of
steps. The averaged weights can be used at every save, and are best at the end.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.detector.export import export
from atpn_ros.learning.detector.heatmap_targets import Targets, encode, loss
from atpn_ros.learning.detector.network import Detector, DetectorSettings
from atpn_ros.learning.detector.scene_cache import Pool
from atpn_ros.learning.export.weights_file import read_weights
from atpn_ros.learning.training import checkpoints
from atpn_ros.types import Image


@dataclass(frozen=True, slots=True)
class DetectorTraining:
    """One run.

    Attributes:
        steps: Batches until the learning rate begins to fall.
        finish: Batches during which it falls to 0, along a line.
        rate: Learning rate before it falls.
        batch: Scenes per batch.
        size: Width and height of a training sample, pixels; multiples of 32.
        warmup: Steps of linear rise at the start.
        weight_decay: Of AdamW.
        average: Decay of the moving average of the weights; the average is exported.
        seed: Of the initial weights and of the samples from the pool.
        save_every: Steps between checkpoints.
        least: Scenes that must have been composed before learning begins.
        network: Its size.
    """

    steps: int = 16000
    finish: int = 4000
    rate: float = 2.5e-3
    batch: int = 16
    size: tuple[int, int] = (320, 256)
    warmup: int = 300
    weight_decay: float = 0.02
    average: float = 0.999
    seed: int = 1
    save_every: int = 250
    least: int = 2000
    network: DetectorSettings = field(default_factory=DetectorSettings)

    def rate_at(self, step: int, finish_from: int) -> float:
        """The learning rate of a step of a run that is finished from a step on."""
        rise = min(1.0, (step + 1) / self.warmup)
        left = 1 - max(0, step - finish_from) / self.finish
        return self.rate * rise * max(0.0, left)


_LOOK_EVERY = 200
"""Batches after which a worker looks for new scenes."""


class _Batches(IterableDataset[tuple[Image, Targets]]):
    """Batches without end, from a pool that grows."""

    def __init__(self, folder: Path, run: DetectorTraining, first: int) -> None:
        self.folder, self.run, self.first = folder, run, first

    def __iter__(self) -> Iterator[tuple[Image, Targets]]:
        cv2.setNumThreads(1)
        torch.set_num_threads(1)
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        pool = Pool(self.folder, self.run.size)
        while pool.look() < self.run.least:
            time.sleep(2.0)
        number = self.first + worker
        while True:
            yield self._batch(pool, np.random.default_rng((self.run.seed, number)))
            number += workers
            if number // workers % _LOOK_EVERY == 0:
                pool.look()

    def _batch(self, pool: Pool, rng: np.random.Generator) -> tuple[Image, Targets]:
        scenes = [pool.draw(rng) for _ in range(self.run.batch)]
        coded = [encode(s.boxes, s.ignored, self.run.size) for s in scenes]
        columns = [np.stack(column) for column in zip(*coded, strict=True)]
        return np.stack([s.image for s in scenes]), Targets(*columns)


def train(
    run: DetectorTraining, pool: Path, folder: Path, workers: int = 1, finish_now: bool = False,
    stop: int | None = None, start: Path | None = None,
) -> Detector:  # fmt: skip
    """Train in a folder, or resume training; returns the averaged network.

    The folder gets ``checkpoint.pt`` (atomic), ``log.csv`` and ``detector.onnx`` at every save.

    Args:
        run: Training settings.
        pool: Folder of the composed scenes.
        folder: Of the run.
        workers: Processes that read scenes.
        finish_now: Whether the learning rate begins to fall at the step at which the run resumes.
        stop: Step at which to stop, to resume later.
        start: Weights of :func:`weights_file.write_weights` to begin with.

    Raises:
        DataError: The folder's checkpoint belongs to another run or cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(run.seed)
    network, average = Detector(run.network), Detector(run.network)
    if start is not None:
        read_weights(network, start, "detector")
    average.load_state_dict(network.state_dict())
    network.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=run.weight_decay)
    known, checkpoint = _known(run), folder / "checkpoint.pt"
    first = checkpoints.resume(checkpoint, known, network, average, optimiser)
    falling = first if finish_now else run.steps
    last = falling + run.finish if stop is None else stop
    if first >= last:
        return average
    stream = DataLoader(
        _Batches(pool, run, first), batch_size=None, num_workers=workers,
        prefetch_factor=8 if workers else None,
    )  # fmt: skip
    began, sums, count = time.monotonic(), torch.zeros(2), 0
    for step, (images, targets) in enumerate(stream, first):
        rate = run.rate_at(step, falling)
        for group in optimiser.param_groups:
            group["lr"] = rate
        parts = loss(network(images), targets)
        optimiser.zero_grad()
        parts.sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        # At the start the average would still hold the first, random weights.
        checkpoints.update_ema(average, network, min(run.average, (step + 1) / (step + 10)))
        sums, count = sums + parts.detach(), count + 1
        done = step + 1
        if done % run.save_every == 0 or done >= last:
            checkpoints.save(checkpoint, known, done, network, average, optimiser)
            _publish(average, folder / "detector.onnx")
            row = [done, *(f"{v:.4f}" for v in (sums / count).tolist()), f"{rate:.2e}",
                   f"{time.monotonic() - began:.0f}"]  # fmt: skip
            _log(folder / "log.csv", row)
            print("step {} heat {} box {} rate {} {} s".format(*row), flush=True)
            sums, count = torch.zeros(2), 0
        if done >= last:
            break
    return average


def _known(run: DetectorTraining) -> dict[str, Any]:
    """The settings that must be the same when a run is resumed; its length may differ."""
    free = ("steps", "finish", "least", "save_every")
    return {k: v for k, v in asdict(run).items() if k not in free}


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
