# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teaching the detector: resumable at any time, the same schedule however often it is interrupted.

The learning rate falls along a cosine several times, each time from a lower peak: every end is a
network that can be used, and the last is the best.
"""

from __future__ import annotations

import csv
import math
import pickle
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from atpn_ros.learning.datasets.record import DataError
from atpn_ros.learning.detector.export import export
from atpn_ros.learning.detector.network import Detector, DetectorSettings
from atpn_ros.learning.detector.scenes import Composer, Material, ScenePlan
from atpn_ros.learning.detector.targets import Targets, encode, loss, mirrored
from atpn_ros.types import Image

_UNREADABLE = (RuntimeError, KeyError, TypeError, EOFError, OSError, pickle.UnpicklingError)
"""What PyTorch raises for a file that is no checkpoint of ours."""


@dataclass(frozen=True, slots=True)
class DetectorRun:
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
        save_every: Steps between checkpoints.
        workers: Processes that make scenes.
        half: Whether convolutions are done in bfloat16.
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
    workers: int = 1
    half: bool = False
    network: DetectorSettings = field(default_factory=DetectorSettings)
    scenes: ScenePlan = field(default_factory=ScenePlan)

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        ends = [round(share * self.steps) for share in self.ends]
        which = next((i for i, end in enumerate(ends) if step < end), len(ends) - 1)
        begin = ends[which - 1] if which else 0
        part = (step - begin) / max(1, ends[which] - begin)
        rise = min(1.0, (step + 1) / self.warmup)
        return self.peaks[which] * rise * (0.5 + 0.5 * math.cos(math.pi * min(1.0, part)))


class _Batches(IterableDataset[tuple[Image, Targets]]):
    """Batch after batch; number n is the same in every run. Odd ones mirror the one before."""

    def __init__(self, material: Material, run: DetectorRun, first: int) -> None:
        self.composer, self.run, self.first = Composer(material, run.scenes), run, first

    def __iter__(self) -> Iterator[tuple[Image, Targets]]:
        cv2.setNumThreads(1)
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for pair in range(self.first // 2 + worker, (self.run.steps + 1) // 2, workers):
            images, targets = self._batch(np.random.default_rng((self.run.seed, pair)))
            yield images, targets
            yield np.ascontiguousarray(images[:, :, ::-1]), mirrored(targets)

    def _batch(self, rng: np.random.Generator) -> tuple[Image, Targets]:
        scenes = [self.composer.scene(rng) for _ in range(self.run.batch)]
        coded = [encode(s.boxes, s.ignored, self.run.scenes.size) for s in scenes]
        columns = [np.stack(column) for column in zip(*coded, strict=True)]
        return np.stack([s.image for s in scenes]), Targets(*columns)


def train(run: DetectorRun, material: Material, folder: Path) -> Detector:
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
    first = _resume(folder / "checkpoint.pt", run, network, average, optimiser)
    stream = DataLoader(
        _Batches(material, run, first), batch_size=None, num_workers=run.workers,
        prefetch_factor=6 if run.workers else None,
    )  # fmt: skip
    began, sums, count = time.monotonic(), torch.zeros(2), 0
    # Pairs of batches come together, and checkpoints are made between pairs.
    for step, (images, targets) in enumerate(stream, first):
        for group in optimiser.param_groups:
            group["lr"] = run.rate(step)
        precision = torch.autocast("cpu", torch.bfloat16) if run.half else nullcontext()
        with precision:
            cells = network(torch.as_tensor(images))
        parts = loss(cells, *(torch.as_tensor(t) for t in targets))
        optimiser.zero_grad()
        parts.sum().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        _follow(average, network, run.average, step)
        sums, count = sums + parts.detach(), count + 1
        done = step + 1
        if done % run.save_every == 0 or done == run.steps:
            _save(folder, done, run, network, average, optimiser)
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
        DataError: It is none of ours, or cannot be read.
    """
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        values = {k: tuple(v) if isinstance(v, list) else v
                  for k, v in state["run"]["network"].items()}  # fmt: skip
        network = Detector(DetectorSettings(**values))
        network.load_state_dict(state["average"])
    except _UNREADABLE as error:
        raise DataError(f"{checkpoint}: no readable checkpoint: {error}") from error
    return network.eval()


@torch.no_grad()
def _follow(average: Detector, network: Detector, decay: float, step: int) -> None:
    # At the start the average would still hold the first, random weights.
    decay = min(decay, (step + 1) / (step + 10))
    source = network.state_dict()
    for name, value in average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(source[name], 1 - decay)
        else:
            value.copy_(source[name])


def _save(
    folder: Path, step: int, run: DetectorRun, network: Detector, average: Detector,
    optimiser: torch.optim.Optimizer,
) -> None:  # fmt: skip
    part = folder / "checkpoint.pt.part"
    state = {
        "step": step, "run": asdict(run), "network": network.state_dict(),
        "average": average.state_dict(), "optimiser": optimiser.state_dict(),
    }  # fmt: skip
    torch.save(state, part)
    part.replace(folder / "checkpoint.pt")
    model = folder / "detector.part.onnx"
    export(average, model)
    average.train()
    model.replace(folder / "detector.onnx")


def _resume(
    path: Path, run: DetectorRun, network: Detector, average: Detector,
    optimiser: torch.optim.Optimizer,
) -> int:  # fmt: skip
    """Steps already done."""
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        changed = sorted(k for k, v in asdict(run).items()
                         if state["run"].get(k) != v and k not in _FREE)  # fmt: skip
        if changed:
            raise DataError(f"{path}: was made with other settings: {', '.join(changed)}")
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])
    except _UNREADABLE as error:
        raise DataError(f"{path}: no readable checkpoint: {error}") from error


_FREE = ("workers", "save_every", "half")
"""What may change from one part of a run to the next."""


def _log(path: Path, row: list[object]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", "heat", "box", "rate", "seconds"])
        writer.writerow(row)
