# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Saves and loads training checkpoints, and keeps the moving average of a network's weights."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError

UNREADABLE = (RuntimeError, KeyError, TypeError, ValueError, EOFError, OSError,
              AttributeError, pickle.UnpicklingError)  # fmt: skip
"""Exceptions that PyTorch raises for a file that is not one of these checkpoints."""

_RENAMED_SETTINGS = {"calm": "clean_fraction"}
"""Settings by the names that older checkpoints have, and by today's."""

_REMOVED_SETTINGS = {"teach": "all", "flip_consistency": 0.0}
"""Settings of older checkpoints that exist no more, with the only value that is still supported."""

_RENAMED_PARAMETERS = {"places.": "coordinates."}
"""First parts of parameter names in older checkpoints, and today's."""


def update_ema(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Update an exponential moving average of a network's weights in place.

    Args:
        average: ``average = decay * average + (1 - decay) * network``; integer buffers are copied.
        network: The network that is trained.
        decay: 0..1.
    """
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
    """Write a checkpoint atomically: to a temporary name, which is then renamed."""
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
    """Load a checkpoint into a network, its average and the optimizer, if the file exists.

    Returns:
        The number of finished steps; 0 without a file.

    Raises:
        DataError: The checkpoint has other settings, or cannot be read.
    """
    if not path.exists():
        return 0
    state = read(path)
    try:
        check_settings(path, state["settings"], settings)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])
    except UNREADABLE as error:
        raise DataError(f"{path}: corrupt checkpoint: {_first_line(error)}") from error


def check_settings(path: Path, saved: dict[str, Any], settings: dict[str, Any]) -> None:
    """Check that a checkpoint has the settings of a run.

    Raises:
        DataError: It has others; names them.
    """
    differs = [k for k in settings if saved.get(k) != settings[k]]
    differs += [k for k, v in _REMOVED_SETTINGS.items() if saved.get(k, v) != v]
    if differs:
        names = ", ".join(sorted(differs))
        raise DataError(f"{path}: belongs to a run with other settings: {names}")


def read(path: Path) -> dict[str, Any]:
    """The contents of a checkpoint, on the CPU, under today's names.

    Raises:
        DataError: The file is missing, or is not a checkpoint.
    """
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        if not isinstance(state, dict) or "average" not in state:
            raise TypeError("not a checkpoint")
        state["settings"] = {_RENAMED_SETTINGS.get(k, k): v for k, v in state["settings"].items()}
        for part in ("network", "average"):
            state[part] = _with_current_names(state[part])
        return state
    except UNREADABLE as error:
        raise DataError(f"{path}: corrupt checkpoint: {_first_line(error)}") from error


def _with_current_names(parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    for old, new in _RENAMED_PARAMETERS.items():
        parameters = {
            new + k.removeprefix(old) if k.startswith(old) else k: v for k, v in parameters.items()
        }
    return parameters


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
