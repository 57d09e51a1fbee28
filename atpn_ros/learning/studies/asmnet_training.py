# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training of ASMNet and its baseline: one recipe, with and without the shape model's help."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from atpn_ros.learning.networks.asmnet import AsmNet, AsmNetOutput, AsmNetSettings, MobileNetV2
from atpn_ros.learning.studies.asmnet_views import Views
from atpn_ros.learning.studies.shape_model import asm_assisted_loss, assistance
from atpn_ros.learning.training import checkpoints

RowName = Literal["asmnet_nr", "asmnet", "mnv2", "mnv2_r", "asmnet_w", "mnv2_w"]


class Row(NamedTuple):
    """One network under one loss.

    Attributes:
        network: Which.
        loss: ``plain``; ``assisted`` by the shape model; ``weighted``: plain, but the landmarks
            weighted by 1 + alpha, which is what they and the smoothed targets weigh together in
            the assisted loss.
        means: For the table.
    """

    network: Literal["asmnet", "mnv2"]
    loss: Literal["plain", "assisted", "weighted"]
    means: str


ROWS: dict[str, Row] = {
    "asmnet_nr": Row("asmnet", "plain", "ASMNet, plain loss"),
    "asmnet": Row("asmnet", "assisted", "ASMNet, ASM-assisted loss"),
    "mnv2": Row("mnv2", "plain", "MobileNetV2, plain loss"),
    "mnv2_r": Row("mnv2", "assisted", "MobileNetV2, ASM-assisted loss"),
    "asmnet_w": Row("asmnet", "weighted", "ASMNet, landmarks weighted as much, no shape model"),
    "mnv2_w": Row("mnv2", "weighted", "MobileNetV2, landmarks weighted as much, no shape model"),
}
"""By the names that the paper's tables use; the last two are ours."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How every row is trained.

    Attributes:
        size: Side of the input; 224 as published.
        views: Ways to see each photograph, made once; epoch e learns from view e modulo ``views``.
        epochs: Passes over the photographs; alpha falls after each third of them.
        batch: Crops per batch.
        learning_rate: Adam's peak, reached after ``warmup`` steps; it falls along a cosine.
        warmup: Steps.
        average: Decay of the moving average of the weights, which is what is measured.
        norm_momentum: Of the batch norms. Keras' 0.001 is made for longer runs.
        kept: Share of the labels' variance that the shape model keeps; 0.9 as published.
    """

    size: int = 224
    views: int = 6
    epochs: int = 150
    batch: int = 32
    learning_rate: float = 2e-3
    warmup: int = 100
    average: float = 0.99
    norm_momentum: float = 0.01
    kept: float = 0.9

    def __post_init__(self) -> None:
        for name in ("size", "views", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: must be at least 1, is {getattr(self, name)}")


def build(row: Row, norm_momentum: float) -> AsmNet | MobileNetV2:
    """The row's network, new."""
    settings = AsmNetSettings()
    network = AsmNet(settings) if row.network == "asmnet" else MobileNetV2(settings)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = norm_momentum
    return network


def size_of(network: nn.Module, side: int) -> tuple[int, float]:
    """Parameters with running statistics, and millions of multiply-accumulates at an input."""
    network.eval()
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        network(torch.zeros(1, side, side, 3, dtype=torch.uint8))
    running = sum(b.numel() for n, b in network.named_buffers() if "running" in n)
    total = sum(p.numel() for p in network.parameters()) + running
    return total, counter.get_total_flops() / 2e6


def train_row(
    recipe: Recipe, name: str, seed: int, views: Views, folder: Path
) -> AsmNet | MobileNetV2:
    """Train, or go on training, one row; returns the averaged network in evaluation mode.

    Raises:
        DataError: The folder's checkpoint belongs to other settings or cannot be read.
    """
    row, known = ROWS[name], {"recipe": asdict(recipe), "row": name, "seed": seed}
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    network, average = build(row, recipe.norm_momentum), build(row, recipe.norm_momentum)
    average.load_state_dict(network.state_dict())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    checkpoint = folder / "checkpoint.pt"
    first = checkpoints.resume(checkpoint, known, network, average, optimiser)
    # The rest that makes no whole batch waits for another epoch: batch norms need company.
    per_epoch = max(1, views.crops.shape[1] // recipe.batch)
    began = time.monotonic()
    for epoch in range(first, recipe.epochs):
        alpha = assistance(epoch, recipe.epochs)
        # The epoch alone decides on order and dropout, so that an interruption changes nothing.
        torch.manual_seed(seed * 100_003 + epoch)
        network.train()
        total = 0.0
        order = torch.randperm(views.crops.shape[1])
        for i, chosen in enumerate(order.split(recipe.batch)[:per_epoch]):
            step = epoch * per_epoch + i
            for group in optimiser.param_groups:
                group["lr"] = _rate(recipe, step, recipe.epochs * per_epoch)
            loss = _loss(network, row, views, epoch % len(views.crops), chosen, alpha)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            checkpoints.update_ema(average, network, min(recipe.average, (step + 1) / (step + 10)))
            total += float(loss.detach())
        checkpoints.save(checkpoint, known, epoch + 1, network, average, optimiser)
        left = (time.monotonic() - began) / (epoch + 1 - first) * (recipe.epochs - epoch - 1)
        print(f"{name}, seed {seed}: epoch {epoch + 1} of {recipe.epochs}  alpha {alpha}  "
              f"loss {total / per_epoch:.5f}  {left / 60:.0f} min left", flush=True)  # fmt: skip
    return average.eval()


def _rate(recipe: Recipe, step: int, steps: int) -> float:
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    part = (step - recipe.warmup) / max(1, steps - recipe.warmup)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * part))


def _loss(
    network: nn.Module, row: Row, views: Views, view: int, chosen: Tensor, alpha: float
) -> Tensor:
    out: AsmNetOutput = network(views.crops[view, chosen])
    truth, angles = views.landmarks[view, chosen], views.angles[view, chosen]
    # Without the model's help the second target is the truth itself (weighted) or counts nothing.
    second = views.smoothed[view, chosen] if row.loss == "assisted" else truth
    weight = 0.0 if row.loss == "plain" else alpha
    return asm_assisted_loss(out, truth, second, angles, weight)


def describe(recipe: Recipe) -> dict[str, Any]:
    """The recipe and each network's size, for the page and its JSON."""
    sizes = {}
    for name in ("asmnet", "mnv2"):
        built = build(ROWS[name], recipe.norm_momentum)
        parameters, here = size_of(built, recipe.size)
        _, published = size_of(built, 224)
        sizes[name] = {"parameters": parameters, "mmacs": here, "mmacs_at_224": published}
    return {"recipe": asdict(recipe), "networks": sizes}
