# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trains the ATPN network: the training loop and its settings.

A run can be interrupted at any time and resumed from its checkpoint with the same result.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from atpn_ros.learning.data.batches import BatchSettings, TrainingBatches, TrainingSet, Truth
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.export.onnx_export import export
from atpn_ros.learning.networks.atpn import Atpn, AtpnSettings
from atpn_ros.learning.networks.from_onnx import load_onnx, restore_normalization
from atpn_ros.learning.training import checkpoints
from atpn_ros.learning.training.losses import Losses, LossWeights, atpn_loss
from atpn_ros.learning.training.process_group import ProcessGroup
from atpn_ros.learning.training.training_state import TrainingState, cosine_rate
from atpn_ros.learning.training.validation import ValidationMetrics, validate

_ALIGNMENT = ("stem", "shallow", "middle", "deep", "lateral", "fuse", "maps", "correction",
              "spread", "refinement")  # fmt: skip
"""Modules of the network that the landmarks depend on."""

_PARTS = {
    "gaze": (("gaze",), ("gaze",)),
    "presence": (("presence", "presence_maps"), ("presence",)),
    "refinement": (("refinement", "pose_refinement"), ("landmarks", "pose")),
}
"""Of ``trains``: the modules, and their losses."""

_MAX_GRADIENT_NORM = 5.0

_STATISTICS, _STATISTICS_CROPS = 8, 384
"""Batches, and largest number of their crops, from which the batch normalization of a network from
an ONNX file gets its statistics."""


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Settings of one training run.

    Attributes:
        steps: Number of batches; the learning rate falls along a cosine to 0 over them.
        batch: Crops per batch and process.
        learning_rate: Peak of the learning rate, reached after ``warmup`` steps.
        warmup: Steps of linear rise.
        weight_decay: Of AdamW.
        average: Decay of the moving average of the weights; the average is exported.
        empty_share: Share of crops that contain no face.
        photographs_share: Share of photographs among the faces, if there are renders too.
        finds_share: Share of crops of a detector's finds, if there are any.
        clean_fraction: Last fraction of the steps, in which augmentation is a third as frequent.
        order: ``together`` trains all tasks at once; ``in_turn`` trains the landmarks in the first
            half, then freezes the modules they depend on and trains the other heads.
        trains: ``all`` of the network; or the ``gaze`` head, the ``presence`` head or the
            ``refinement`` of landmarks and rotation alone, with the rest frozen.
        precision: Of the network's forward pass; its heads and the losses are always float32.
        seed: Of the crops and the initial weights.
        save_every: Steps between checkpoints, each with a validation.
        weights: Weights of the losses.
        network: Settings of the network.
    """

    steps: int = 8000
    batch: int = 48
    learning_rate: float = 2e-3
    warmup: int = 200
    weight_decay: float = 0.02
    average: float = 0.999
    empty_share: float = 0.2
    photographs_share: float = 0.5
    finds_share: float = 0.5
    clean_fraction: float = 0.0
    order: Literal["together", "in_turn"] = "together"
    trains: Literal["all", "gaze", "presence", "refinement"] = "all"
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 1
    save_every: int = 500
    weights: LossWeights = field(default_factory=LossWeights)
    network: AtpnSettings = field(default_factory=AtpnSettings)

    def rate(self, step: int) -> float:
        """Learning rate of a step; with ``in_turn``, each half has its own warm-up and cosine."""
        length = self.steps // 2 if self.order == "in_turn" else self.steps
        at = min(step % length, step) if step < 2 * length else step - length
        return cosine_rate(at, length, self.learning_rate, self.warmup)

    def mix(self) -> BatchSettings:
        """Composition of the batches."""
        return BatchSettings(
            self.batch, self.steps, self.photographs_share, self.empty_share, self.clean_fraction,
            self.seed, self.finds_share,
        )  # fmt: skip


def train(
    settings: TrainSettings,
    source: TrainingSet,
    validation: dict[str, list[LabelledFace]],
    folder: Path,
    workers: int = 1,
    begin_with: Path | None = None,
    seconds: float | None = None,
    on_step: Callable[[], None] = lambda: None,
) -> Atpn:
    """Train, or resume training, in a folder; returns the network with averaged weights.

    The folder gets ``checkpoint.pt`` (written atomically), ``log.csv`` and ``atpn.onnx`` at every
    save.

    Args:
        settings: Of the run.
        source: Training data.
        validation: Sets of labelled faces for validation at every save, by name.
        folder: Of the run; training resumes from a checkpoint in it.
        workers: Processes that make crops; 0 makes them in this one.
        begin_with: Checkpoint, or exported ``.onnx`` file, whose weights initialize a new run,
            where shapes agree.
        seconds: Time limit of the steps, from the first one on. If they take longer, the learning
            rate follows the elapsed time in place of the steps, and the run ends with a last save.
        on_step: Called after every step.

    Raises:
        DataError: A checkpoint has other settings or cannot be read.
    """
    group = ProcessGroup.init()
    gpu = group.device.type == "cuda"
    if gpu:
        torch.backends.cudnn.benchmark = True  # all batches have the same shape
    cv2.setNumThreads(1)  # before workers are forked: OpenCV's threads would not survive that
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    network = Atpn(settings.network)
    if begin_with is not None:
        load_matching_weights(network, begin_with)
        if begin_with.suffix == ".onnx":
            examples = TrainingBatches(source, settings.mix())
            batches = range(max(1, min(_STATISTICS, _STATISTICS_CROPS // settings.batch)))
            crops = np.concatenate([examples.batch(step)[0] for step in batches])
            restore_normalization(network.eval(), torch.from_numpy(crops))
    average = Atpn(settings.network)
    average.load_state_dict(network.state_dict())
    network.to(group.device).train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average.to(group.device)
    optimizer = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    state = TrainingState(
        folder / "checkpoint.pt", asdict(settings), network, average, optimizer, settings.average
    )
    first = state.resume()
    stream = DataLoader(
        TrainingBatches(source, settings.mix(), first, group.rank, group.count),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=max(2, 8 // workers) if workers else None,
        pin_memory=gpu,
    )
    half, heads_from = settings.precision == "bfloat16", settings.steps // 2
    sums, count = np.zeros(len(Losses._fields)), 0
    began, was_second_half = time.monotonic(), False
    for step, (crops, *truth) in enumerate(stream, first):
        spent = 0.0 if seconds is None else (time.monotonic() - began) / seconds
        # The step of the schedule: ahead of the steps that were taken if the time runs out.
        place = max(step, first + int(spent * (settings.steps - first)))
        second_half = place >= heads_from
        if step == first or (settings.order == "in_turn" and second_half != was_second_half):
            weights = _freeze_modules(network, settings, place)
            parallel = group.parallel(network)
        was_second_half = second_half
        crops = crops.to(group.device, non_blocking=gpu)
        truths = Truth(*(t.to(group.device, non_blocking=gpu) for t in truth))
        with torch.autocast(crops.device.type, dtype=torch.bfloat16, enabled=half):
            out = parallel(crops)
        losses = atpn_loss(out, truths, weights)
        rate = settings.rate(min(place, settings.steps - 1))
        state.update(step, losses.total, rate, _MAX_GRADIENT_NORM)
        sums += torch.stack([v.detach().float() for v in losses]).tolist()  # waits for a GPU once
        count += 1
        on_step()
        done = step + 1
        last = place >= settings.steps - 1
        if group.is_main and (done % settings.save_every == 0 or last):
            state.save(done)
            metrics = {name: validate(average, samples) for name, samples in validation.items()}
            export(average, folder / "atpn.onnx")
            left = state.minutes_left(done, settings.steps)
            _log(folder / "log.csv", done, sums / count, metrics, left)
            sums[:], count = 0, 0
        if last:
            break
    return average


def load_matching_weights(network: nn.Module, path: Path) -> None:
    """Load averaged weights into a network, as far as names and shapes agree.

    Args:
        network: To be filled.
        path: A checkpoint, or an exported ``.onnx`` file, whose settings are the network's.

    Raises:
        DataError: The file cannot be read.
    """
    if path.suffix == ".onnx" and isinstance(network, Atpn):
        have = load_onnx(path, network.settings).state_dict()
    else:
        have = checkpoints.read(path)["average"]
    own = network.state_dict()
    network.load_state_dict(
        {k: have[k] if k in have and have[k].shape == v.shape else v for k, v in own.items()}
    )


def load_average(path: Path) -> Atpn:
    """The network of a checkpoint with its averaged weights, in evaluation mode.

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


def _freeze_modules(network: Atpn, settings: TrainSettings, step: int) -> LossWeights:
    """Freeze the modules that a step of a run ``in_turn`` does not train.

    Returns:
        The loss weights of the step. Those of frozen heads are 0: their losses would still change
        the features that they share with the landmarks.
    """
    if settings.trains != "all":
        network.requires_grad_(False)
        network.eval()
        names, losses = _PARTS[settings.trains]
        heads = [head for head in (getattr(network, name) for name in names) if head is not None]
        if not heads:
            raise checkpoints.DataError(f"trains: {settings.trains}: the network has no such part")
        for head in heads:
            head.requires_grad_(True)
            head.train()
        weights = {name: 0.0 for name in asdict(settings.weights)}
        return LossWeights(**weights | {name: getattr(settings.weights, name) for name in losses})
    if settings.order != "in_turn":
        return settings.weights
    train_heads = step >= settings.steps // 2
    for name, module in network.named_children():
        trained = (name in _ALIGNMENT) != train_heads
        module.requires_grad_(trained)
        module.train(trained)
    if train_heads:
        return settings.weights
    return LossWeights(settings.weights.spread, pose=0.0, presence=0.0, gaze=0.0)


def _log(
    path: Path,
    step: int,
    losses: np.ndarray,
    metrics: dict[str, ValidationMetrics],
    minutes_left: float,
) -> None:
    """Print a line and append it to the CSV file."""
    row = {"step": str(step), "minutes_left": f"{minutes_left:.0f}"}
    row |= {f"loss_{k}": f"{v:.4g}" for k, v in zip(Losses._fields, losses, strict=True)}
    for name, values in metrics.items():
        row |= {f"{name}_{k}": f"{v:.4g}" for k, v in asdict(values).items()}
    text = "  ".join(f"{name}: {values}" for name, values in metrics.items())
    print(f"step {step}  loss {row['loss_total']}  {text}  {row['minutes_left']} min left",
          flush=True)  # fmt: skip
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([row.keys(), row.values()] if new else [row.values()])
