# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A morphable head as named arrays of an ``.npz`` file.

Offsets of its shapes are rounded to multiples of 4 micrometres.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.synth.assets.head_model import Anchors, HeadModel
from atpn_ros.types import Floats

_STEP = 4e-6
"""Offsets are stored in multiples of this, metres."""
_PLAIN = ("neutral", "corner", "uv", "triangles", "parts", "masks")


def head_arrays(head: HeadModel) -> dict[str, Any]:
    """The arrays of a head by name.

    Raises:
        AssetError: A shape has offsets that do not fit into 16 bits.
    """
    out: dict[str, Any] = {f"head_{name}": getattr(head, name) for name in _PLAIN}
    out |= {"shapes": _rounded(head.identity), "expressions": _rounded(head.expression)}
    out |= {"names": np.array(head.names)}
    return out | anchor_arrays("points", head.points) | anchor_arrays("strips", head.strips)


def head_from(arrays: dict[str, Any]) -> HeadModel:
    """The head of :func:`head_arrays`.

    Raises:
        KeyError: An array is missing.
    """
    return HeadModel(
        **{name: arrays[f"head_{name}"] for name in _PLAIN},
        identity=arrays["shapes"] * np.float32(_STEP),
        expression=arrays["expressions"] * np.float32(_STEP),
        names=tuple(str(n) for n in arrays["names"]),
        points=anchors_from(arrays, "points"),
        strips=anchors_from(arrays, "strips"),
    )


def anchor_arrays(name: str, anchors: Anchors) -> dict[str, Any]:
    """The arrays of points on a mesh, under names that begin with ``name``."""
    return {f"{name}_vertex": anchors.vertex, f"{name}_weight": anchors.weight}


def anchors_from(arrays: dict[str, Any], name: str) -> Anchors:
    """The points of :func:`anchor_arrays`."""
    return Anchors(arrays[f"{name}_vertex"], arrays[f"{name}_weight"])


def _rounded(offsets: Floats) -> Any:
    steps = np.round(offsets / _STEP)
    if len(steps) and float(np.abs(steps).max()) > np.iinfo(np.int16).max:
        raise AssetError("the head's shapes have offsets above 13 cm: they cannot be packed")
    return steps.astype(np.int16)
