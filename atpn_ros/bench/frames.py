# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames to measure with: a public-domain face, once or several times, each moving its own way."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.bench.sample_image import FACE, portrait
from atpn_ros.types import AtpnError, Floats, Image

WIDTH, HEIGHT = 640, 480
"""Pixels of a frame."""

MOST_FACES = 6

_CUT = 190
"""Side of the square that is cut from the photograph around the face, pixels."""


class BadFrames(AtpnError):
    """Frames that cannot be made."""


def frames(faces: int, count: int) -> Image:
    """(count, 480, 640, 3) BGR; the last frame leads back to the first without a jump.

    Each face is about 100 pixels high, moves by at most 24 pixels and rolls by at most 8 degrees,
    at a pace of its own; all stay in view and apart.

    Raises:
        BadFrames: More faces than there is room for, or none, or no frame.
        NoPortrait: The photograph is not installed.
    """
    if not 1 <= faces <= MOST_FACES or count < 1:
        raise BadFrames(f"{faces} faces in {count} frames: must be 1 .. {MOST_FACES}, 1 or more")
    x, y = (round(float(v)) - _CUT // 2 for v in FACE)
    face = portrait()[y : y + _CUT, x : x + _CUT]
    # From dark to bright: a detector that evens out the brightness finds nothing on plain grey.
    wall = np.linspace(40, 215, WIDTH).astype(np.uint8)[:, None]
    out = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    for n, picture in enumerate(out):
        picture[:] = wall
        for i, place in enumerate(_places(faces)):
            # BORDER_TRANSPARENT leaves the faces that were drawn before.
            cv2.warpAffine(
                face, _view(i, place, n / count), (WIDTH, HEIGHT), dst=picture,
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT,
            )  # fmt: skip
    return out


def _places(faces: int) -> list[tuple[float, float]]:
    """The middle of each face's own part of the picture."""
    if faces == 1:
        return [(WIDTH / 2, HEIGHT / 2)]
    if faces == 2:
        return [(WIDTH * 0.3, HEIGHT / 2), (WIDTH * 0.7, HEIGHT / 2)]
    upper = (faces + 1) // 2
    rows = ((upper, 0.27), (faces - upper, 0.73))
    return [(WIDTH * (i + 0.5) / n, HEIGHT * y) for n, y in rows for i in range(n)]


def _view(face: int, place: tuple[float, float], share: float) -> Floats:
    """(2, 3) the cut-out to the frame, at a share of the loop."""
    # Whole turns, so that the loop closes; different ones, so that no two faces move alike.
    phase = 2 * np.pi * (share * (1 + face % 3) + face / MOST_FACES)
    roll, zoom = np.radians(8) * np.sin(phase), 1 + 0.04 * np.cos(phase)
    c, s = np.cos(roll) * zoom, np.sin(roll) * zoom
    turn = np.array([[c, -s], [s, c]])
    middle = np.array([place[0] + 12 * np.cos(phase), place[1] + 12 * np.sin(phase)])
    return np.concatenate([turn, (middle - turn @ np.full(2, _CUT / 2))[:, None]], axis=1)
