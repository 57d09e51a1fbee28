# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the pipeline asks of an engine: crops in, one batched answer out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from atpn_ros.types import AtpnError, Floats, Image


class ModelError(AtpnError):
    """A model file that is missing, unreadable or of another kind."""


class BackendError(AtpnError):
    """A backend that cannot run here, or stopped running."""


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


class Engine(Protocol):
    """Runs one model. Used by one thread at a time."""

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
