# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera frames of a portrait that pans, zooms, rolls and leaves the view."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros.bench.sample_image import FACE_CENTER, portrait
from atpn_ros.cli.demo_scene import HEIGHT, WIDTH
from atpn_ros.types import Floats, Image


class MovingPortrait:
    """A sequence of frames in which the face is in view, leaves the view and returns.

    Args:
        frames: Number of frames.

    Attributes:
        leaves_at: The first frame without the centre of the face.
        returns_at: The first frame that contains it again.
    """

    def __init__(self, frames: int) -> None:
        self._photograph = portrait()
        self._frames = frames
        inside = [self._in_view(n) for n in range(frames)]
        away = [n for n in range(frames) if not inside[n]]
        self.leaves_at = away[0] if away else frames
        self.returns_at = away[-1] + 1 if away else frames

    def frame(self, n: int) -> Image:
        """Frame ``n``, (480, 640, 3) BGR."""
        return np.asarray(
            cv2.warpAffine(
                self._photograph, self._view(n), (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_CONSTANT, borderValue=(96, 92, 88),
            ),
            np.uint8,
        )  # fmt: skip

    def _in_view(self, n: int) -> bool:
        x, y = self._view(n) @ (*FACE_CENTER, 1.0)
        return bool(0 <= x < WIDTH and 0 <= y < HEIGHT)

    def _view(self, n: int) -> Floats:
        """(2, 3) affine matrix from photograph pixels to frame pixels."""
        t = n / max(1, self._frames - 1)  # 0..1 over the sequence
        zoom = 1.45 + 0.45 * np.sin(2 * np.pi * (2 * t + 0.1))
        roll = np.radians(22) * np.sin(2 * np.pi * 2.5 * t)
        x = WIDTH / 2 + 130 * np.sin(2 * np.pi * 3 * t)
        y = HEIGHT / 2 - 40 + 50 * np.sin(2 * np.pi * 4 * t)
        # The camera looks down and away for a while: the face leaves over the upper edge.
        away = np.clip((t - 0.66) / 0.03, 0, 1) * np.clip((0.80 - t) / 0.03, 0, 1)
        y -= 430 * away * away * (3 - 2 * away)
        c, s = np.cos(roll) * zoom, np.sin(roll) * zoom
        turn = np.array([[c, -s], [s, c]])
        return np.concatenate([turn, (np.array([x, y]) - turn @ FACE_CENTER)[:, None]], axis=1)
