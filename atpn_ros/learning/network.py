# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ATPN: one light network for alignment, tracking and pose.

What the paper's abstract fixes (arXiv 2103.07615): a shortcut from shallow to deep features for
alignment, and a cheap heatmap, drawn from the predicted landmarks without learned layers and fused
with features for the pose and tracking heads. Every layer-level choice is ours, and each claim is a
switch in :class:`AtpnSettings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from atpn_ros import geometry, layouts

LANDMARKS = layouts.WFLW98
_CELLS = 16 * 16
"""Of the maps that landmarks are read from."""

_EYES = (
    (
        list(layouts.RIGHT_EYE),
        layouts.RIGHT_PUPIL,
        layouts.RIGHT_EYE_OUTER,
        layouts.RIGHT_EYE_INNER,
    ),
    (list(layouts.LEFT_EYE), layouts.LEFT_PUPIL, layouts.LEFT_EYE_INNER, layouts.LEFT_EYE_OUTER),
)
"""Of each eye: lids, pupil, and its corners from the image's left to its right."""


@dataclass(frozen=True, slots=True)
class AtpnSettings:
    """The switches of the network.

    Attributes:
        width: Channels of the first stage; the later ones are multiples of it.
        shortcut: Whether alignment sees shallow features beside the deep ones.
        heatmap: What is drawn from the landmarks for the other heads.
        head_inputs: What the pose and presence heads see.
        gaze: Whether the two eyes' directions are estimated too.
    """

    width: int = 16
    shortcut: bool = True
    heatmap: Literal["none", "one", "per_landmark"] = "one"
    head_inputs: Literal["features", "heatmap", "both"] = "both"
    gaze: bool = False


class AtpnOutput(NamedTuple):
    """What the network says of N crops.

    Attributes:
        landmarks: (N, 98, 2) crop coordinates 0..1.
        log_sigma: (N, 98) log of the spread in crop coordinates.
        rotation: (N, 3, 3) head to the crop's own camera.
        presence: (N,) logit.
        gaze: (N, 2, 3) unit directions of the right and left eye in the crop's own camera, or None.
    """

    landmarks: Tensor
    log_sigma: Tensor
    rotation: Tensor
    presence: Tensor
    gaze: Tensor | None = None


def _conv(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    """Plain 3x3 convolutions around an identity: fastest per operation on wide-vector CPUs."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(_conv(channels, channels) for _ in range(depth - 1)),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(x + self.body(x))


class CheapHeatmap(nn.Module):
    """Gaussian spots at landmarks on a (size, size) grid; nothing is learned.

    Per landmark: ``H_i(u) = exp(-|u - p_i|^2 / (2 sigma^2))``; one map: ``1 - exp(-sum_i H_i)``,
    which is a matrix product of the spots' rows and columns and so costs next to nothing.
    """

    def __init__(self, size: int, per_landmark: bool) -> None:
        super().__init__()
        self.per_landmark = per_landmark
        self.register_buffer("centres", (torch.arange(size) + 0.5) / size, persistent=False)
        self.precision = 0.5 * size**2  # sigma is one cell

    def forward(self, landmarks: Tensor) -> Tensor:
        distance = landmarks[..., None] - self.centres  # (N, L, 2, S)
        spots = torch.exp(-self.precision * distance**2)
        columns, rows = spots[:, :, 0], spots[:, :, 1]
        if self.per_landmark:
            return rows[..., :, None] * columns[..., None, :]
        return 1.0 - torch.exp(-(rows.transpose(1, 2) @ columns))[:, None]


class Atpn(nn.Module):
    """(N, 128, 128, 3) uint8 BGR crops to :class:`AtpnOutput`."""

    def __init__(self, settings: AtpnSettings) -> None:
        super().__init__()
        self.settings = settings
        w = settings.width
        self.stem = _conv(3, w, 2)  # 64
        self.shallow = nn.Sequential(_conv(w, 2 * w, 2), _conv(2 * w, 2 * w))  # 32
        self.middle = nn.Sequential(_conv(2 * w, 4 * w, 2), _Residual(4 * w, 1))  # 16
        self.deep = nn.Sequential(_conv(4 * w, 8 * w, 2), _Residual(8 * w, 2))  # 8

        # Alignment: deep meaning, brought back to 16x16, beside shallow boundaries.
        self.lateral = _conv(8 * w, 4 * w, kernel=1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.shrink = nn.AvgPool2d(2)
        fused = 8 * w + (2 * w if settings.shortcut else 0)
        self.fuse = _conv(fused, 4 * w, kernel=1)
        self.maps = nn.Conv2d(4 * w, LANDMARKS, 1)
        self.correction = nn.Linear(8 * w, 2 * LANDMARKS)
        self.spread = nn.Linear(8 * w, LANDMARKS)
        steps = (torch.arange(16) + 0.5) / 16
        grid = torch.stack([steps.repeat(16), steps.repeat_interleave(16)], -1)  # x, y per cell
        self.register_buffer("grid", grid, persistent=False)

        # Pose and presence: features and the cheap heatmap.
        maps = {"none": 0, "one": 1, "per_landmark": LANDMARKS}[settings.heatmap]
        if settings.head_inputs == "heatmap" and maps == 0:
            raise ValueError("heads that see only the heatmap need one")
        self.heatmap = CheapHeatmap(16, settings.heatmap == "per_landmark") if maps else None
        sees = settings.head_inputs != "heatmap"
        self.merge = _conv((4 * w if sees else 0) + maps, 3 * w, 2)  # 8
        self.heads = nn.Sequential(
            _conv(3 * w + (8 * w if sees else 0), 6 * w, kernel=1), _conv(6 * w, 6 * w, 2)
        )
        self.pose = nn.Linear(6 * w, 6)
        self.presence = nn.Linear(6 * w, 1)
        # Each eye's features are taken where its own landmarks' maps lie; one head serves both.
        self.gaze = (
            nn.Sequential(nn.Linear(4 * w + 8 * w + 9 + 6, 4 * w), nn.ReLU(), nn.Linear(4 * w, 3))
            if settings.gaze
            else None
        )
        self.register_buffer(
            "facing", torch.tensor(geometry.FACING, dtype=torch.float32), persistent=False
        )
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)
        nn.init.constant_(self.spread.bias, -3.0)
        nn.init.normal_(self.pose.weight, std=1e-3)
        with torch.no_grad():
            self.pose.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, crops: Tensor) -> AtpnOutput:
        # Cast first: TensorRT takes bytes only where a cast reads them.
        x = crops.float().permute(0, 3, 1, 2) * (1 / 64) - 2.0
        shallow = self.shallow(self.stem(x))
        middle = self.middle(shallow)
        deep = self.deep(middle)

        parts = [self.up(self.lateral(deep)), middle]
        if self.settings.shortcut:
            parts.append(self.shrink(shallow))
        fused = self.fuse(torch.cat(parts, 1))
        # Shapes are written out: flatten would leave arithmetic on shapes in the exported graph,
        # which TensorRT 8.5 stumbles over.
        attention = self.maps(fused).reshape(-1, LANDMARKS, _CELLS).softmax(-1)
        pooled = deep.mean((2, 3))
        shift = self.correction(pooled).reshape(-1, LANDMARKS, 2)
        landmarks = attention @ self.grid + shift

        sees = self.settings.head_inputs != "heatmap"
        inputs = [middle] if sees else []
        if self.heatmap is not None:
            inputs.append(self.heatmap(landmarks.detach()))
        merged = self.merge(torch.cat(inputs, 1))
        pooled_heads = self.heads(torch.cat([merged, deep], 1) if sees else merged).mean((2, 3))
        rotation = self.facing @ _from_six(self.pose(pooled_heads))
        presence = self.presence(pooled_heads)[:, 0]
        gaze = None
        if self.gaze is not None:
            context = torch.cat([pooled, rotation.detach().reshape(-1, 9)], 1)
            seen = fused.reshape(-1, 4 * self.settings.width, _CELLS)
            gaze = self._eyes(self.gaze, attention, seen, landmarks, context)
        return AtpnOutput(landmarks, self.spread(pooled), rotation, presence, gaze)

    def _eyes(
        self, head: nn.Module, attention: Tensor, fused: Tensor, landmarks: Tensor, context: Tensor
    ) -> Tensor:
        directions = []
        for lids, pupil, outer, inner in _EYES:
            where = (attention[:, lids].mean(1) + attention[:, pupil]).unsqueeze(1) * 0.5
            seen = (where @ fused.transpose(1, 2))[:, 0]
            # Where the pupil lies between the corners, in the eye's own width.
            across = landmarks[:, inner] - landmarks[:, outer]
            width = across.square().sum(-1, keepdim=True).clamp(min=1e-6)
            out = landmarks[:, pupil] - (landmarks[:, inner] + landmarks[:, outer]) * 0.5
            lid = landmarks[:, lids[2]] - landmarks[:, lids[6]]
            place = torch.cat([out / width.sqrt(), across, lid], 1)
            directions.append(head(torch.cat([seen, context, place], 1)))
        gaze = torch.stack(directions, 1)
        return gaze / (gaze.square().sum(-1, keepdim=True) + 1e-12).sqrt()


def _from_six(six: Tensor) -> Tensor:
    """(N, 6) to (N, 3, 3) rotations: Gram-Schmidt on two columns (arXiv 1812.07035)."""
    a, b = six[:, :3], six[:, 3:]
    x = a / (a.square().sum(-1, keepdim=True) + 1e-12).sqrt()
    y = b - (x * b).sum(-1, keepdim=True) * x
    y = y / (y.square().sum(-1, keepdim=True) + 1e-12).sqrt()
    z = torch.stack(
        [
            x[:, 1] * y[:, 2] - x[:, 2] * y[:, 1],
            x[:, 2] * y[:, 0] - x[:, 0] * y[:, 2],
            x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0],
        ],
        -1,
    )
    return torch.stack([x, y, z], -1)
