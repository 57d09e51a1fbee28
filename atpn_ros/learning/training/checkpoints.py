# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs that can be stopped at any moment: checkpoints whole or not at all, and averaged weights."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.datasets.record import DataError

UNREADABLE = (RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError,
              AttributeError, pickle.UnpicklingError)  # fmt: skip
"""What PyTorch raises for a file that is no checkpoint of ours."""


def update_ema(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the averaged weights a step towards the network's."""
    with torch.no_grad():
        for slow, fast in zip(
            average.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - decay)
            else:
                slow.copy_(fast)


def save(
    path: Path,
    settings: dict[str, Any],
    step: int,
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write all that going on needs; under another name first."""
    state = {
        "settings": settings,
        "step": step,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    with atomic_replace(path) as part:
        torch.save(state, part)


def resume(
    path: Path,
    settings: dict[str, Any],
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> int:
    """Take up a checkpoint, if there is one; returns the steps done.

    Raises:
        DataError: It belongs to other settings, or cannot be read.
    """
    if not path.exists():
        return 0
    state = read(path)
    try:
        differs = sorted(k for k in settings if state["settings"].get(k) != settings[k])
        if differs:
            raise DataError(f"{path}: belongs to a run with other settings: {', '.join(differs)}")
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])
    except UNREADABLE as error:
        raise DataError(f"{path}: corrupt checkpoint: {_line(error)}") from error


def read(path: Path) -> dict[str, Any]:
    """The contents of a checkpoint, on the CPU.

    Raises:
        DataError: It is missing, or no checkpoint.
    """
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        if not isinstance(state, dict) or "average" not in state:
            raise TypeError("not a checkpoint")
        return state
    except UNREADABLE as error:
        raise DataError(f"{path}: corrupt checkpoint: {_line(error)}") from error


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
