# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ladder: the best rung that really works is taken, and every refusal is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atpn_ros.engines.base import BackendError, Engine
from atpn_ros.engines.onnx import OnnxEngine

_RUNGS = {
    "onnx-cuda": "CUDAExecutionProvider",
    "onnx-cpu": "CPUExecutionProvider",
}
"""Rungs from the fastest down, and ONNX Runtime's name for each."""

BACKENDS: tuple[str, ...] = ("auto", *_RUNGS)
"""What ``backend`` may be."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The engine that was taken and why the rungs above it were not."""

    engine: Engine
    refusals: tuple[str, ...]


def load_engine(
    model: Path, backend: str = "auto", threads: int = 1, strict: bool = False
) -> Loaded:
    """Load a model on the best rung that works.

    Args:
        model: The ``.onnx`` file.
        backend: ``auto`` or the name of the rung to start at.
        threads: For rungs that run on the CPU.
        strict: Take the named rung or none.

    Raises:
        ModelError: The model itself is bad; no rung is tried after that.
        BackendError: No rung works, or ``strict`` and the named one does not.
    """
    if backend not in BACKENDS:
        raise BackendError(f"backend {backend!r} is none of {', '.join(BACKENDS)}")
    names = list(_RUNGS)
    if backend != "auto":
        names = [backend] if strict else names[names.index(backend) :]
    refusals: list[str] = []
    for name in names:
        try:
            return Loaded(OnnxEngine(model, name, _RUNGS[name], threads), tuple(refusals))
        except BackendError as error:
            refusals.append(f"{name}: {error}")
    raise BackendError("no engine: " + "; ".join(refusals))
