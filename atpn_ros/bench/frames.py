# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic benchmark frames: one to six copies of a portrait that move independently."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from atpn_ros.bench.sample_image import FACE_CENTER, portrait
from atpn_ros.types import AtpnError, Floats, Image

WIDTH, HEIGHT = 640, 480
"""Pixels of a frame."""

MAX_FACES = 6

PERIOD_NS = 33_333_333
"""Time from frame to frame, of a 30 Hz camera."""

FrameFunction = Callable[[int], int]
"""Processes the frame of this number, which only grows; returns the number of tracked faces."""

_CUT = 190
"""Side of the square that is cut from the photograph around the face, pixels."""


class InvalidFrameRequest(AtpnError):
    """The requested frames cannot be made."""


def frames(faces: int, count: int) -> Image:
    """(count, 480, 640, 3) BGR; the motion is continuous from the last frame to the first.

    Each face is about 100 pixels high, moves by at most 24 pixels and rolls by at most 8 degrees,
    each at a different speed. All faces stay in view and do not touch.

    Raises:
        InvalidFrameRequest: No faces, more than :data:`MAX_FACES`, or no frames.
        SampleImageMissing: scikit-image is not installed.
    """
    if not 1 <= faces <= MAX_FACES or count < 1:
        raise InvalidFrameRequest(
            f"{faces} faces in {count} frames: faces must be 1 to {MAX_FACES}, frames 1 or more"
        )
    x, y = (round(float(v)) - _CUT // 2 for v in FACE_CENTER)
    face = portrait()[y : y + _CUT, x : x + _CUT]
    # From dark to bright: a detector that evens out the brightness finds nothing on plain grey.
    wall = np.linspace(40, 215, WIDTH).astype(np.uint8)[:, None]
    out = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    for n, picture in enumerate(out):
        picture[:] = wall
        for i, center in enumerate(_face_centers(faces)):
            # BORDER_TRANSPARENT leaves the faces that were drawn before.
            cv2.warpAffine(
                face, _warp(i, center, n / count), (WIDTH, HEIGHT), dst=picture,
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT,
            )  # fmt: skip
    return out


def _face_centers(faces: int) -> list[tuple[float, float]]:
    """The centre of each face's part of the frame, pixels."""
    if faces == 1:
        return [(WIDTH / 2, HEIGHT / 2)]
    if faces == 2:
        return [(WIDTH * 0.3, HEIGHT / 2), (WIDTH * 0.7, HEIGHT / 2)]
    upper = (faces + 1) // 2
    rows = ((upper, 0.27), (faces - upper, 0.73))
    return [(WIDTH * (i + 0.5) / n, HEIGHT * y) for n, y in rows for i in range(n)]


def _warp(face: int, center: tuple[float, float], share: float) -> Floats:
    """(2, 3) affine matrix from the cut-out to the frame, at a share (0..1) of the loop."""
    # Whole turns, so that the loop closes; different ones, so that no two faces move alike.
    phase = 2 * np.pi * (share * (1 + face % 3) + face / MAX_FACES)
    roll, zoom = np.radians(8) * np.sin(phase), 1 + 0.04 * np.cos(phase)
    c, s = np.cos(roll) * zoom, np.sin(roll) * zoom
    turn = np.array([[c, -s], [s, c]])
    middle = np.array([center[0] + 12 * np.cos(phase), center[1] + 12 * np.sin(phase)])
    return np.concatenate([turn, (middle - turn @ np.full(2, _CUT / 2))[:, None]], axis=1)
