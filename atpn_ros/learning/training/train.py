# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training: resumable at any time, the same schedule however often it is interrupted."""

from __future__ import annotations

import csv
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.batches import Examples, Mix, Source, Truth
from atpn_ros.learning.data.photographs import Sample
from atpn_ros.learning.export.onnx_export import export
from atpn_ros.learning.networks.atpn import Atpn, AtpnOutput, AtpnSettings
from atpn_ros.learning.training import checkpoints
from atpn_ros.learning.training.gaze_stage import gaze_losses
from atpn_ros.learning.training.losses import Losses, LossWeights, atpn_loss
from atpn_ros.learning.training.process_group import ProcessGroup
from atpn_ros.learning.training.validation import ValidationMetrics, validate

_ALIGNMENT = ("stem", "shallow", "middle", "deep", "lateral", "fuse", "maps", "correction",
              "spread")  # fmt: skip


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """One run.

    Attributes:
        steps: Batches in all; the learning rate falls along a cosine to their end.
        batch: Examples per batch and process.
        learning_rate: The peak, reached after ``warmup`` steps.
        warmup: Steps of linear rise.
        weight_decay: Of AdamW.
        average: Decay of the moving average of the weights, which is what is exported.
        empty_share: Share of examples that hold no face.
        photographs_share: Share of photographs among the faces, where there are renders too.
        calm: The last share of the steps, in which pictures are spoilt a third as often.
        order: ``together`` teaches all tasks at once; ``in_turn`` the landmarks in the first half,
            then, with all that they rest on frozen, the heads.
        teach: ``all`` tasks, or the ``gaze`` alone, from true landmarks and rotations.
        flip_consistency: Weight of the distance between a crop's landmarks and its mirror image's.
        precision: Of the convolutions; the rest is float32.
        seed: Of the examples and the first weights.
        save_every: Steps between checkpoints and figures.
        weights: Of the tasks.
        network: Its switches.
    """

    steps: int = 8000
    batch: int = 48
    learning_rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.02
    average: float = 0.999
    empty_share: float = 0.2
    photographs_share: float = 0.5
    calm: float = 0.0
    order: Literal["together", "in_turn"] = "together"
    teach: Literal["all", "gaze"] = "all"
    flip_consistency: float = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 1
    save_every: int = 500
    weights: LossWeights = field(default_factory=LossWeights)
    network: AtpnSettings = field(default_factory=AtpnSettings)

    def rate(self, step: int) -> float:
        """The learning rate of a step; ``in_turn`` has two cosines."""
        length = self.steps // 2 if self.order == "in_turn" else self.steps
        at = min(step % length, step) if step < 2 * length else step - length
        if at < self.warmup:
            return self.learning_rate * (at + 1) / self.warmup
        part = (at - self.warmup) / max(1, length - self.warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))

    def mix(self) -> Mix:
        """What batches are made of."""
        return Mix(
            self.batch, self.steps, self.photographs_share, self.empty_share, self.calm, self.seed
        )


def train(
    settings: TrainSettings,
    source: Source,
    held_back: dict[str, list[Sample]],
    folder: Path,
    workers: int = 1,
    begin_with: Path | None = None,
) -> Atpn:
    """Train, or go on training, in a folder; returns the averaged network.

    The folder gets ``checkpoint.pt`` (atomic), ``log.csv`` and ``atpn.onnx`` at every save.

    Args:
        settings: The run.
        source: What is taught.
        held_back: Sets that are only looked at, by name.
        folder: Of the run; a checkpoint in it is taken up.
        workers: Processes that make examples.
        begin_with: A checkpoint whose averaged weights a new run begins with, where they fit.

    Raises:
        DataError: The folder's checkpoint belongs to other settings or cannot be read.
    """
    crew = ProcessGroup.init()
    cv2.setNumThreads(1)  # before workers are forked: OpenCV's threads would not survive that
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    network = Atpn(settings.network)
    if begin_with is not None:
        begin(network, begin_with)
    average = Atpn(settings.network)
    average.load_state_dict(network.state_dict())
    network.to(crew.device).train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.to(crew.device)
    optimiser = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    known = asdict(settings)
    checkpoint = folder / "checkpoint.pt"
    first = checkpoints.resume(checkpoint, known, network, average, optimiser)
    stream = DataLoader(
        Examples(source, settings.mix(), first, crew.rank, crew.count),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=8 if workers else None,
    )
    began, sums, count = time.monotonic(), np.zeros(len(Losses._fields)), 0
    for step, (crops, *truth) in enumerate(stream, first):
        weights = _set_stage(network, settings, step)
        for group in optimiser.param_groups:
            group["lr"] = settings.rate(step)
        crops = crops.to(crew.device)
        truths = Truth(*(t.to(crew.device) for t in truth))
        losses = _losses(network, settings, weights, crops, truths)
        optimiser.zero_grad(set_to_none=True)
        losses.total.backward()
        crew.share_gradients(network)
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        checkpoints.update_ema(average, network, min(settings.average, (step + 1) / (step + 10)))
        sums += [float(v.detach()) for v in losses]
        count += 1
        done = step + 1
        if crew.is_main and (done % settings.save_every == 0 or done == settings.steps):
            checkpoints.save(checkpoint, known, done, network, average, optimiser)
            figures = {name: validate(average, samples) for name, samples in held_back.items()}
            export(average, folder / "atpn.onnx")
            left = (time.monotonic() - began) / (done - first) * (settings.steps - done)
            _report(folder / "log.csv", done, sums / count, figures, left)
            sums[:], count = 0, 0
    return average


def begin(network: Atpn, path: Path) -> None:
    """Give a new network the averaged weights of a checkpoint, where their shapes agree.

    Raises:
        DataError: The checkpoint cannot be read.
    """
    have = checkpoints.read(path)["average"]
    own = network.state_dict()
    network.load_state_dict(
        {k: have[k] if k in have and have[k].shape == v.shape else v for k, v in own.items()}
    )


def _losses(
    network: Atpn, settings: TrainSettings, weights: LossWeights, crops: Tensor, truth: Truth
) -> Losses:
    half = settings.precision == "bfloat16"
    if settings.teach == "gaze":
        with torch.autocast(crops.device.type, dtype=torch.bfloat16, enabled=half):
            return gaze_losses(network, crops, truth, weights)
    with torch.autocast(crops.device.type, dtype=torch.bfloat16, enabled=half):
        out = network(crops)
        mirrored = network(crops.flip(2)) if settings.flip_consistency > 0 else None
    losses = atpn_loss(out, truth, weights)
    if mirrored is None:
        return losses
    apart = _mirror_distance(out, mirrored, truth)
    return losses._replace(total=losses.total + settings.flip_consistency * apart)


def _mirror_distance(out: AtpnOutput, mirrored: AtpnOutput, truth: Truth) -> Tensor:
    """Mean distance in 1/256 of the crop between a face and its mirror image's mirror image."""
    back = mirrored.landmarks[:, list(landmark_layouts.MIRROR98)]
    back = torch.stack([1 - back[..., 0], back[..., 1]], -1)
    held = (truth.landmark_weight.sum(1) > 0).float()
    apart = (out.landmarks - back).abs().mean((1, 2)) * 256
    return (apart * held).sum() / held.sum().clamp(min=1.0)


def _set_stage(network: Atpn, settings: TrainSettings, step: int) -> LossWeights:
    """Freeze what a step of a run ``in_turn`` does not teach; returns the step's weights.

    Losses of frozen heads weigh nothing: they would still pull at the features below.
    """
    if settings.order != "in_turn":
        return settings.weights
    heads_now = step >= settings.steps // 2
    for name, part in network.named_children():
        taught = (name in _ALIGNMENT) != heads_now
        part.requires_grad_(taught)
        part.train(taught)
    if heads_now:
        return settings.weights
    return LossWeights(settings.weights.spread, pose=0.0, presence=0.0, gaze=0.0)


def _report(
    log: Path, step: int, losses: np.ndarray, figures: dict[str, ValidationMetrics], left: float
) -> None:
    row = {"step": str(step), "minutes_left": f"{left / 60:.0f}"}
    row |= {f"loss_{k}": f"{v:.4g}" for k, v in zip(Losses._fields, losses, strict=True)}
    for name, figure in figures.items():
        row |= {f"{name}_{k}": f"{v:.4g}" for k, v in asdict(figure).items()}
    told = "  ".join(f"{name}: {figure}" for name, figure in figures.items())
    print(f"step {step}  loss {row['loss_total']}  {told}  {row['minutes_left']} min left",
          flush=True)  # fmt: skip
    new = not log.exists()
    with log.open("a", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([row.keys(), row.values()] if new else [row.values()])


def load_average(path: Path) -> Atpn:
    """The averaged network of a checkpoint.

    Raises:
        DataError: The checkpoint cannot be read.
    """
    state = checkpoints.read(path)
    try:
        network = Atpn(AtpnSettings(**state["settings"]["network"]))
        network.load_state_dict(state["average"])
    except checkpoints.UNREADABLE as error:
        raise checkpoints.DataError(f"{path}: corrupt checkpoint: {error}") from error
    return network.eval()
