# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes and reads a network's weights at half precision, to begin another training with."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError, stored_arrays


def write_weights(network: nn.Module, path: Path) -> None:
    """Write a network's weights at half precision, small enough to be kept beside the ONNX file."""
    state = network.state_dict()
    kept = {k: v.half() if v.dtype == torch.float32 else v for k, v in state.items()}
    with atomic_replace(path) as part:
        np.savez(part, **{k: v.numpy() for k, v in kept.items()})


def read_weights(network: nn.Module, path: Path, kind: str) -> None:
    """Give a network the weights of a file of :func:`write_weights`.

    Args:
        network: Of the same architecture as the one that was written.
        path: The file.
        kind: What the network is, for the message of an error.

    Raises:
        DataError: The file is damaged, or of another network.
    """
    try:
        state = {k: torch.as_tensor(v) for k, v in stored_arrays(path).items()}
        network.load_state_dict({k: v.float() if v.is_floating_point() else v
                                 for k, v in state.items()})  # fmt: skip
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: no weights of this {kind}: {reason}") from error
