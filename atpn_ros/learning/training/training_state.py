# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What all training loops share: optimizer steps, averaged weights, resume and the schedule."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from atpn_ros.learning.training import checkpoints

N = TypeVar("N", bound=nn.Module)


@dataclass(slots=True)
class TrainingState(Generic[N]):
    """A network in training, with everything that a checkpoint holds.

    Attributes:
        checkpoint: File to resume from and to save to.
        settings: Settings of the run; a checkpoint with others is refused.
        network: The network that is trained.
        average: A second network of the same kind: the moving average of the first one's weights.
        optimizer: Of the network's parameters.
        ema_decay: Decay of the moving average, 0..1.
    """

    checkpoint: Path
    settings: dict[str, Any]
    network: N
    average: N
    optimizer: torch.optim.Optimizer
    ema_decay: float
    _first: int = field(default=0, init=False)
    _began: float = field(default=0.0, init=False)

    def resume(self) -> int:
        """Load the checkpoint if there is one; returns the number of finished steps.

        Raises:
            DataError: The checkpoint has other settings, or cannot be read.
        """
        self._began = time.monotonic()
        self._first = checkpoints.resume(
            self.checkpoint, self.settings, self.network, self.average, self.optimizer
        )
        return self._first

    def update(
        self, step: int, loss: Tensor, learning_rate: float, max_norm: float | None = None
    ) -> None:
        """Take one optimizer step and update the averaged weights.

        Args:
            step: Index of the optimizer step, from 0.
            loss: Scalar whose gradient is followed.
            learning_rate: Of this step.
            max_norm: Largest norm of the gradient; None does not clip it.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if max_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), max_norm)
        self.optimizer.step()
        # A constant decay would keep the random first weights in the average for long.
        decay = min(self.ema_decay, (step + 1) / (step + 10))
        checkpoints.update_ema(self.average, self.network, decay)

    def save(self, done: int) -> None:
        """Write the checkpoint after ``done`` steps (or epochs, whichever the loop counts)."""
        checkpoints.save(
            self.checkpoint, self.settings, done, self.network, self.average, self.optimizer
        )

    def minutes_left(self, done: int, total: int) -> float:
        """Estimated minutes until ``total`` steps (or epochs) are done, at the speed so far."""
        elapsed = time.monotonic() - self._began
        return elapsed / (done - self._first) * (total - done) / 60


def cosine_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Learning rate of a step: a linear rise over ``warmup`` steps, then a cosine down to 0.

    >>> [round(cosine_rate(s, 8, 1.0, 2), 2) for s in range(9)]
    [0.5, 1.0, 1.0, 0.93, 0.75, 0.5, 0.25, 0.07, 0.0]
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    part = (step - warmup) / max(1, steps - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, part)))
