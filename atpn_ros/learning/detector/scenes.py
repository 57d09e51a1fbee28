# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The data type of a composed training image: pixels, face boxes and ignored boxes."""

from __future__ import annotations

from dataclasses import dataclass

from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture and what is in it.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        boxes: (K, 4) corners x0, y0, x1, y1 of faces, pixels.
        ignored: (L, 4) corners of areas ignored by loss and metrics: hidden and cut faces.
    """

    image: Image
    boxes: Floats
    ignored: Floats
