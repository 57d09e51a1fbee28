# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training: resumable at any time, the same schedule however often it is interrupted."""

from __future__ import annotations

import csv
import math
import pickle
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from atpn_ros.learning.augment import Example, empty_example, face_example
from atpn_ros.learning.data import DataError, Sample
from atpn_ros.learning.evaluate import evaluate
from atpn_ros.learning.export import export
from atpn_ros.learning.losses import Losses, Truth, atpn_loss
from atpn_ros.learning.network import Atpn, AtpnSettings
from atpn_ros.types import Image

_UNREADABLE = (RuntimeError, KeyError, TypeError, EOFError, OSError, pickle.UnpicklingError)
"""What PyTorch raises for a file that is no checkpoint of ours."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One run.

    Attributes:
        steps: Batches in all; the learning rate falls along a cosine to their end.
        batch: Examples per batch.
        learning_rate: The peak, reached after ``warmup`` steps.
        warmup: Steps of linear rise.
        weight_decay: Of AdamW.
        average: Decay of the moving average of the weights, which is what is exported.
        empty_share: Share of examples that hold no face.
        seed: Of the examples and the first weights.
        save_every: Steps between checkpoints and evaluations.
        workers: Processes that make examples.
    """

    steps: int = 8000
    batch: int = 48
    learning_rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.02
    average: float = 0.999
    empty_share: float = 0.2
    seed: int = 1
    save_every: int = 500
    workers: int = 1
    network: AtpnSettings = field(default_factory=AtpnSettings)

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        part = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))


class _Examples(IterableDataset[tuple[np.ndarray, ...]]):
    """An endless stream of batches; batch number n is the same in every run."""

    def __init__(
        self, samples: list[Sample], backgrounds: list[Image], settings: TrainSettings, first: int
    ) -> None:
        self.samples, self.backgrounds = samples, backgrounds
        self.settings, self.first = settings, first

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for step in range(self.first + worker, self.settings.steps, workers):
            rng = np.random.default_rng((self.settings.seed, step))
            yield stack([self._example(rng) for _ in range(self.settings.batch)])

    def _example(self, rng: np.random.Generator) -> Example:
        sample = self.samples[int(rng.integers(len(self.samples)))]
        if rng.random() < self.settings.empty_share:
            return empty_example(sample, self.backgrounds, rng)
        return face_example(sample, rng)


def stack(examples: list[Example]) -> tuple[np.ndarray, ...]:
    """Crops, then the fields of :class:`atpn_ros.learning.losses.Truth`, as a batch."""
    columns = [np.asarray([getattr(e, f) for e in examples], np.float32) for f in Truth._fields]
    return np.stack([e.crop for e in examples]), *columns


def train(
    settings: TrainSettings,
    samples: list[Sample],
    held_back: list[Sample],
    backgrounds: list[Image],
    folder: Path,
) -> Atpn:
    """Train, or go on training, in a folder; returns the averaged network.

    The folder gets ``checkpoint.pt`` (atomic), ``log.csv`` and ``atpn.onnx`` at every save.

    Raises:
        DataError: The folder's checkpoint belongs to other settings or cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    network = Atpn(settings.network)
    average = Atpn(settings.network)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    first = _resume(folder / "checkpoint.pt", settings, network, average, optimiser)
    stream = DataLoader(
        _Examples(samples, backgrounds, settings, first),
        batch_size=None,
        num_workers=settings.workers,
        prefetch_factor=8 if settings.workers else None,
    )
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    began, sums, count = time.monotonic(), np.zeros(len(Losses._fields)), 0
    for step, (crops, *truth) in enumerate(stream, first):
        for group in optimiser.param_groups:
            group["lr"] = settings.rate(step)
        losses = atpn_loss(network(crops), Truth(*truth))
        optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        _follow(average, network, min(settings.average, (step + 1) / (step + 10)))
        sums += [float(v.detach()) for v in losses]
        count += 1
        done = step + 1
        if done % settings.save_every == 0 or done == settings.steps:
            _save(folder / "checkpoint.pt", settings, done, network, average, optimiser)
            figures = evaluate(average, held_back)
            export(average, folder / "atpn.onnx")
            left = (time.monotonic() - began) / (done - first) * (settings.steps - done)
            row = {"step": done, "losses": " ".join(f"{v:.3f}" for v in sums / count)}
            row |= {k: f"{v:.4g}" for k, v in asdict(figures).items()}
            row["minutes_left"] = f"{left / 60:.0f}"
            print("  ".join(f"{k} {v}" for k, v in row.items()), flush=True)
            with (folder / "log.csv").open("a", newline="") as log:
                csv.writer(log).writerow(row.values())
            sums[:], count = 0, 0
    return average


def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for slow, fast in zip(
            average.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - decay)
            else:
                slow.copy_(fast)


def _save(
    path: Path,
    settings: TrainSettings,
    step: int,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    state = {
        "settings": asdict(settings),
        "step": step,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def _resume(
    path: Path,
    settings: TrainSettings,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> int:
    if not path.exists():
        return 0
    try:
        state = torch.load(path, weights_only=True)
        same = state["settings"] | {"workers": settings.workers} == asdict(settings)
        if not same:
            raise DataError(f"{path}: belongs to a run with other settings")
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])
    except _UNREADABLE as error:
        raise DataError(f"{path}: corrupt checkpoint: {error}") from error


def load_average(path: Path) -> Atpn:
    """The averaged network of a checkpoint.

    Raises:
        DataError: The checkpoint cannot be read.
    """
    try:
        state = torch.load(path, weights_only=True)
        network = Atpn(AtpnSettings(**state["settings"]["network"]))
        network.load_state_dict(state["average"])
    except _UNREADABLE as error:
        raise DataError(f"{path}: corrupt checkpoint: {error}") from error
    return network.eval()
