# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The engine protocol that every inference backend implements, its output type and its errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from atpn_ros.types import Array, AtpnError, Floats, Image

REQUIRED: dict[str, tuple[int, ...]] = {"landmarks": (98, 2), "rotation": (3, 3), "presence": ()}
"""Outputs that every model has, with their shape per crop."""

OPTIONAL: dict[str, tuple[int, ...]] = {"sigma": (98,), "gaze": (2, 3), "gaze_sigma": (2,)}
"""Outputs that a model may have, with their shape per crop."""


class ModelError(AtpnError):
    """A model file is missing, cannot be read or has other inputs or outputs."""


class BackendError(AtpnError):
    """A backend is not available on this machine, or failed while running."""


class LoadCancelled(AtpnError):
    """Loading was cancelled through its :class:`LoadControl`."""


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """Output of the network for N crops.

    Attributes:
        landmarks: (N, 98, 2) crop coordinates 0..1, WFLW-98 order.
        rotation: (N, 3, 3) rotation matrices from the head frame to the crop camera's frame.
        presence: (N,) probability that the crop shows the tracked face.
        sigma: (N, 98) standard deviations of the landmarks in crop coordinates, None if the model
            has no such output.
        gaze: (N, 2, 3) unit direction vectors of the right and left eye in the crop camera's frame,
            None if the model has no such output.
        gaze_sigma: (N, 2) expected angle in radians between those directions and the true ones;
            None if the model has no such output.
    """

    landmarks: Floats
    rotation: Floats
    presence: Floats
    sigma: Floats | None = None
    gaze: Floats | None = None
    gaze_sigma: Floats | None = None

    @classmethod
    def of(cls, values: Mapping[str, Array]) -> NetworkOutput:
        """Make it from a model's outputs by name; unknown names are ignored."""
        named = {k: np.asarray(v, np.float64) for k, v in values.items() if k in NAMES}
        return cls(**named)


NAMES: tuple[str, ...] = (*REQUIRED, *OPTIONAL)
"""Names of all outputs that are read."""


class Engine(Protocol):
    """Runs one model. All methods must be called by the thread that loaded it."""

    @property
    def name(self) -> str:
        """Name of the backend, e.g. ``onnx-cpu``."""
        ...

    @property
    def report(self) -> str:
        """One line with the requested and the active backend and their versions."""
        ...

    def run(self, crops: Image) -> NetworkOutput:
        """Run (N, 128, 128, 3) uint8 BGR crops, N >= 1, in one call.

        Raises:
            BackendError: The backend failed.
        """
        ...

    def close(self) -> None:
        """Free all resources. :meth:`run` must not be called afterwards."""
        ...


def _ignore(line: str) -> None:
    """Discard a line of progress."""


@dataclass(frozen=True, slots=True)
class LoadControl:
    """Progress reports and cancellation of a slow load.

    Attributes:
        report: Called with a line of text by the thread that loads or runs the engine.
        cancel: Once set, loading ends soon with :class:`LoadCancelled`.
    """

    report: Callable[[str], None] = _ignore
    cancel: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise :class:`LoadCancelled` if loading was cancelled."""
        if self.cancel.is_set():
            raise LoadCancelled("cancelled before the engine was ready")


def one_line(error: object) -> str:
    """The text of an error as one line of at most 300 characters."""
    return " ".join(str(error).split())[:300]
