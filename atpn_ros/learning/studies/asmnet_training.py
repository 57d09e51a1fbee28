# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trains ASMNet and its baseline MobileNetV2, with and without the ASM-assisted loss."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from atpn_ros.learning.export.weights_file import read_weights
from atpn_ros.learning.networks.asmnet import (
    PUBLISHED_DROPOUT,
    AsmNet,
    AsmNetOutput,
    AsmNetSettings,
    MobileNetV2,
)
from atpn_ros.learning.studies.asmnet_views import Views
from atpn_ros.learning.studies.shape_model import asm_assisted_loss, assistance
from atpn_ros.learning.training.training_state import TrainingState, cosine_rate

RowName = Literal["asmnet_nr", "asmnet", "mnv2", "mnv2_r", "asmnet_w", "mnv2_w"]


class AsmnetRow(NamedTuple):
    """A network and the loss that trains it.

    Attributes:
        network: The network.
        loss: ``plain``; ``assisted`` by the shape model; ``weighted``: plain, but with the
            landmarks weighted by 1 + alpha, which is the sum of the weights of landmarks and
            smoothed targets in the assisted loss.
        description: Text for the table.
    """

    network: Literal["asmnet", "mnv2"]
    loss: Literal["plain", "assisted", "weighted"]
    description: str


ROWS: dict[str, AsmnetRow] = {
    "asmnet_nr": AsmnetRow("asmnet", "plain", "ASMNet, plain loss"),
    "asmnet": AsmnetRow("asmnet", "assisted", "ASMNet, ASM-assisted loss"),
    "mnv2": AsmnetRow("mnv2", "plain", "MobileNetV2, plain loss"),
    "mnv2_r": AsmnetRow("mnv2", "assisted", "MobileNetV2, ASM-assisted loss"),
    "asmnet_w": AsmnetRow(
        "asmnet", "weighted", "ASMNet, landmarks weighted as much, no shape model"
    ),
    "mnv2_w": AsmnetRow(
        "mnv2", "weighted", "MobileNetV2, landmarks weighted as much, no shape model"
    ),
}
"""Rows under the names of the paper's tables; the last two are this project's."""


@dataclass(frozen=True, slots=True)
class AsmnetRecipe:
    """Training settings of every row.

    Attributes:
        size: Side of the input in pixels; published: 224.
        views: Augmented crops of each photograph, made once; epoch e uses e modulo
            ``views``.
        epochs: Passes over the photographs; alpha decreases after each third.
        batch: Crops per batch.
        learning_rate: Adam's peak, reached after ``warmup`` steps; it falls along a cosine.
        warmup: Steps.
        average: Decay of the moving average of the weights, which is what is tested.
        norm_momentum: Momentum of the batch norms; Keras' 0.001 is for longer runs.
        dropout: Share of the features before the heads that are dropped; published: 0.3.
        kept: Fraction of the labels' variance that the shape model keeps; published: 0.9.
    """

    size: int = 224
    views: int = 6
    epochs: int = 150
    batch: int = 32
    learning_rate: float = 2e-3
    warmup: int = 100
    average: float = 0.99
    norm_momentum: float = 0.01
    dropout: float = PUBLISHED_DROPOUT
    kept: float = 0.9

    def __post_init__(self) -> None:
        for name in ("size", "views", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, is {getattr(self, name)}")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout: must be at least 0 and below 1, is {self.dropout}")


def build_network(row: AsmnetRow, recipe: AsmnetRecipe) -> AsmNet | MobileNetV2:
    """Create the row's network with random weights."""
    settings = AsmNetSettings(dropout=recipe.dropout)
    network = AsmNet(settings) if row.network == "asmnet" else MobileNetV2(settings)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = recipe.norm_momentum
    return network


def network_size(network: nn.Module, side: int) -> tuple[int, float]:
    """Count parameters and running statistics, and millions of multiply-accumulates.

    Args:
        network: The network; it is left in evaluation mode.
        side: Side of the input in pixels.
    """
    network.eval()
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        network(torch.zeros(1, side, side, 3, dtype=torch.uint8))
    running = sum(b.numel() for n, b in network.named_buffers() if "running" in n)
    total = sum(p.numel() for p in network.parameters()) + running
    return total, counter.get_total_flops() / 2e6


def train_row(
    recipe: AsmnetRecipe,
    name: str,
    seed: int,
    views: Views,
    folder: Path,
    begin_with: Path | None = None,
) -> AsmNet | MobileNetV2:
    """Train or resume one row; returns the network with averaged weights in evaluation mode.

    Args:
        recipe: Training settings.
        name: Name of the row.
        seed: Of the random weights, the order of the faces and the dropout.
        views: Training data.
        folder: Of the row; a checkpoint in it is resumed.
        begin_with: File of the weights that the network begins with; None for random weights.

    Raises:
        DataError: The folder's checkpoint has other settings or cannot be read; or the weights are
            those of another network.
    """
    row, settings = ROWS[name], {"recipe": asdict(recipe), "row": name, "seed": seed}
    if begin_with is not None:
        settings["begin_with"] = begin_with.name
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    network, average = build_network(row, recipe), build_network(row, recipe)
    if begin_with is not None:
        read_weights(network, begin_with, row.network)
    average.load_state_dict(network.state_dict())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    state = TrainingState(
        folder / "checkpoint.pt", settings, network, average, optimizer, recipe.average
    )
    # Faces that do not fill a batch are left out of the epoch: batch norms need several faces.
    per_epoch = max(1, views.crops.shape[1] // recipe.batch)
    steps = recipe.epochs * per_epoch
    for epoch in range(state.resume(), recipe.epochs):
        alpha = assistance(epoch, recipe.epochs)
        # Order and dropout depend on the epoch alone, so that an interruption changes nothing.
        torch.manual_seed(seed * 100_003 + epoch)
        network.train()
        total = 0.0
        order = torch.randperm(views.crops.shape[1])
        for i, chosen in enumerate(order.split(recipe.batch)[:per_epoch]):
            step = epoch * per_epoch + i
            loss = _loss(network, row, views, epoch % len(views.crops), chosen, alpha)
            state.update(step, loss, cosine_rate(step, steps, recipe.learning_rate, recipe.warmup))
            total += float(loss.detach())
        done = epoch + 1
        state.save(done)
        left = state.minutes_left(done, recipe.epochs)
        print(f"{name}, seed {seed}: epoch {done} of {recipe.epochs}  alpha {alpha}  "
              f"loss {total / per_epoch:.5f}  {left:.0f} min left",
              flush=True)  # fmt: skip
    return average.eval()


def _loss(
    network: nn.Module, row: AsmnetRow, views: Views, view: int, chosen: Tensor, alpha: float
) -> Tensor:
    out: AsmNetOutput = network(views.crops[view, chosen])
    truth, angles = views.landmarks[view, chosen], views.angles[view, chosen]
    # Without the shape model, the second target is the label itself (weighted) or has no weight.
    second = views.smoothed[view, chosen] if row.loss == "assisted" else truth
    weight = 0.0 if row.loss == "plain" else alpha
    return asm_assisted_loss(out, truth, second, angles, weight)


def describe(recipe: AsmnetRecipe) -> dict[str, Any]:
    """The recipe and each network's size, for the report."""
    sizes = {}
    for name in ("asmnet", "mnv2"):
        built = build_network(ROWS[name], recipe)
        parameters, here = network_size(built, recipe.size)
        _, published = network_size(built, 224)
        sizes[name] = {"parameters": parameters, "mmacs": here, "mmacs_at_224": published}
    return {"recipe": asdict(recipe), "networks": sizes}
