# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the pipeline asks of an engine: crops in, one batched answer out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from atpn_ros.types import Array, AtpnError, Floats, Image

REQUIRED: dict[str, tuple[int, ...]] = {"landmarks": (98, 2), "rotation": (3, 3), "presence": ()}
"""Outputs that every model has, and the shape of one crop's answer."""

OPTIONAL: dict[str, tuple[int, ...]] = {"sigma": (98,), "gaze": (2, 3)}
"""Outputs that a model may have."""


class ModelError(AtpnError):
    """A model file that is missing, unreadable or of another kind."""


class BackendError(AtpnError):
    """A backend that cannot run here, or stopped running."""


class LoadCancelled(AtpnError):
    """Loading was stopped on request."""


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """What the network says of N crops.

    Attributes:
        landmarks: (N, 98, 2) crop coordinates 0..1, WFLW-98 order.
        rotation: (N, 3, 3) head to the crop's own camera.
        presence: (N,) probability that the crop holds the tracked face.
        sigma: (N, 98) spread of the landmarks in crop coordinates, None if the model has none.
        gaze: (N, 2, 3) unit directions of the right and left eye in the crop's own camera, None if
            the model has none.
    """

    landmarks: Floats
    rotation: Floats
    presence: Floats
    sigma: Floats | None = None
    gaze: Floats | None = None

    @classmethod
    def of(cls, values: Mapping[str, Array]) -> NetworkOutput:
        """From a model's outputs by name; others than ours are left out."""
        named = {k: np.asarray(v, np.float64) for k, v in values.items() if k in NAMES}
        return cls(**named)


NAMES: tuple[str, ...] = (*REQUIRED, *OPTIONAL)
"""All outputs that are read."""


class Engine(Protocol):
    """Runs one model. Belongs to the thread that loaded it."""

    @property
    def name(self) -> str:
        """The rung of the ladder, e.g. ``onnx-cpu``."""
        ...

    @property
    def report(self) -> str:
        """One line for people: what was asked for, what was got, with which versions."""
        ...

    def run(self, crops: Image) -> NetworkOutput:
        """Run (N, 128, 128, 3) uint8 BGR crops, N >= 1, in one call.

        Raises:
            BackendError: The backend failed.
        """
        ...

    def close(self) -> None:
        """Free what it holds, by the thread that loaded it. Nothing may be run after that."""
        ...


def _silent(words: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class LoadControl:
    """How something slow tells of itself and is stopped.

    Attributes:
        tell: Called with a line for people, from the thread that loads, or runs, the engine.
        stop: Once set, the slow thing ends soon with :class:`LoadCancelled`.
    """

    report: Callable[[str], None] = _silent
    cancel: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise LoadCancelled once stopped."""
        if self.cancel.is_set():
            raise LoadCancelled("stopped before the engine was ready")


def one_line(error: object) -> str:
    """An error's text, which may be long, as one line."""
    return " ".join(str(error).split())[:300]
