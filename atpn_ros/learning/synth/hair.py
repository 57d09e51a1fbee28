# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Hair that is a mesh, fitted from another head onto this one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atpn_ros.learning.synth.head import HeadModel, Ints
from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class Style:
    """One hair mesh in the head frame of the neutral head, with an RGBA texture or None."""

    name: str
    vertices: Floats
    normals: Floats
    uv: Floats
    triangles: Ints
    texture: Image | None


def load(folder: Path, head: HeadModel) -> tuple[Style, ...]:
    """All hair of a folder."""
    return ()
