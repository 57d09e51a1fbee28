# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where two eyes look, from patches of the crop around them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atpn_ros import layouts
from atpn_ros.crop import CROP_SIZE
from atpn_ros.learning.blocks import conv

HEIGHT, WIDTH = 20, 32
"""Of an eye's patch in samples."""

_REACH = 33 / CROP_SIZE
"""Width of a patch over the crop's: an eye and a half, with its corners and the brow's edge."""

_FEATURES = 48
_CELLS = 3 * 4 * _FEATURES
_CONTEXT = 9 + 4
"""What an eye knows besides pictures: the head's rotation, and the two eyes' places."""


class EyeGaze(nn.Module):
    """Unit directions of both eyes in the crop's own camera.

    Each eye is cut out around its lids' middle by two matrix products (linear interpolation in
    rows and columns), the right one mirrored, so that one set of weights reads both. Each is told
    what the other shows: they look at one thing. What is learned is how far the direction lies off
    the head's own axis.
    """

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 16, 2), conv(16, 32), conv(32, 48, 2), conv(48, 48),
            conv(48, _FEATURES, 2),
        )  # fmt: skip
        self.sides = nn.Linear(_CELLS, 2 * 64)  # what a picture tells its own eye, and the other
        self.context = nn.Linear(_CONTEXT, 64)
        self.read = nn.Sequential(nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
        nn.init.normal_(self.read[3].weight, std=1e-2)
        nn.init.zeros_(self.read[3].bias)
        step = _REACH * CROP_SIZE / WIDTH
        across = (torch.arange(WIDTH) - (WIDTH - 1) / 2) * step
        down = (torch.arange(HEIGHT) - (HEIGHT - 1) / 2) * step
        # A mirrored head: x of the camera and y of the head change sign.
        places, turn = [-1.0, 1.0, -1.0, 1.0], [-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0]
        mirror = torch.tensor([places + turn, [1.0] * _CONTEXT])
        for name, values in {
            "pixels": torch.arange(float(CROP_SIZE)),
            "across": torch.stack([-across, across]),
            "down": down,
            "mirror": mirror,
            "flip": torch.tensor([[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]),
        }.items():
            self.register_buffer(name, values, persistent=False)

    def forward(self, x: Tensor, landmarks: Tensor, rotation: Tensor) -> Tensor:
        """(N, 2, 3) of a normalised crop (N, 3, S, S), its landmarks and rotation."""
        right = landmarks[:, list(layouts.RIGHT_EYE)].mean(1)
        left = landmarks[:, list(layouts.LEFT_EYE)].mean(1)
        patches = self._patches(x, torch.stack([right, left], 1))
        seen = self.features(patches).reshape(-1, 2, _CELLS)
        with torch.autocast(x.device.type, enabled=False):
            seen = seen.float()
            turn = rotation.reshape(-1, 9)
            # Each eye's own place first, then the other's; the right eye as if it were a left one.
            told_right = torch.cat([right - 0.5, left - 0.5, turn], 1)
            told_left = torch.cat([left - 0.5, right - 0.5, turn], 1)
            told = torch.stack([told_right, told_left], 1) * self.mirror
            sides = self.sides(seen)
            seen_by_both = sides[..., :64] + sides[:, [1, 0], 64:]
            out = self.read(seen_by_both + self.context(told)) * self.flip
            # The head's x axis, in the camera: where the face points.
            gaze = rotation[:, :, 0].unsqueeze(1) + out
            return gaze / (gaze.square().sum(-1, keepdim=True) + 1e-12).sqrt()

    def _patches(self, x: Tensor, middles: Tensor) -> Tensor:
        """(2 N, 3, HEIGHT, WIDTH), a right and a left eye by turns."""
        at = middles * CROP_SIZE - 0.5
        columns = (at[:, :, :1] + self.across).reshape(-1, 2 * WIDTH)
        rows = (at[:, :, 1:] + self.down).reshape(-1, 2 * HEIGHT)
        places = torch.cat([rows, columns], 1).unsqueeze(-1)
        # How much of each pixel a sample takes: linear interpolation.
        weights = (1.0 - (places - self.pixels).abs()).clamp(min=0.0)
        bands = weights[:, None, : 2 * HEIGHT] @ x  # (N, 3, 2 HEIGHT, S)
        across = weights[:, 2 * HEIGHT :].reshape(-1, 2, 1, WIDTH, CROP_SIZE).transpose(3, 4)
        bands = bands.reshape(-1, 3, 2, HEIGHT, CROP_SIZE).transpose(1, 2)
        return (bands @ across).reshape(-1, 3, HEIGHT, WIDTH)
