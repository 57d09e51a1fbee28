# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Decides from overlap and head yaw whether a crop counts as containing the tracked face."""

from __future__ import annotations

from atpn_ros.types import Floats

PRESENT_OVERLAP = 0.35
"""A crop whose intersection over union with the face's own crop is above this holds the face."""

UNDECIDED = (0.25, 0.5)
"""Overlaps above the first and up to the second train no presence: either answer would do."""

FACING_AWAY = 0.17
"""z of the head's x axis in its own camera above which (100 degrees) only the back is visible."""


def faces_away(rotation: Floats) -> bool:
    """Whether only the back of a head is visible.

    Args:
        rotation: (3, 3) head to the crop's own camera.
    """
    return float(rotation[2, 0]) >= FACING_AWAY


def holds_face(overlap: float, rotation: Floats | None = None) -> bool:
    """Whether a crop holds a face.

    Args:
        overlap: Intersection over union of the crop and the face's own crop.
        rotation: (3, 3) head to the crop's own camera; None for a face that is known to be visible.
    """
    return overlap > PRESENT_OVERLAP and (rotation is None or not faces_away(rotation))


def presence_weight(overlap: float) -> float:
    """1 where an overlap decides whether the face is present, 0 in between."""
    low, high = UNDECIDED
    return 0.0 if low < overlap <= high else 1.0
