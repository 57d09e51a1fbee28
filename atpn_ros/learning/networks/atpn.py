# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ATPN network: landmarks, head rotation, face presence and gaze from one face crop.

The paper's abstract describes (arXiv 2103.07615) a shortcut from shallow to deep features for
alignment, and a cheap heatmap, drawn from the predicted landmarks without learned layers and fused
with features for the pose and tracking heads. All layers are this project's own choice, and each
claim can be switched off in :class:`AtpnSettings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from atpn_ros import geometry, landmark_layouts
from atpn_ros.learning.networks.blocks import Residual, conv
from atpn_ros.learning.networks.exported_operators import normalize
from atpn_ros.learning.networks.gaze_head import EyeGaze
from atpn_ros.learning.networks.landmark_refinement import SIZES, LandmarkRefinement
from atpn_ros.learning.networks.presence_head import PresenceHead

LANDMARKS = landmark_layouts.WFLW98
_CELLS = 16 * 16
"""Cells of the 16x16 maps from which the landmarks are computed."""


@dataclass(frozen=True, slots=True)
class AtpnSettings:
    """Settings of the network.

    Attributes:
        width: Channels of the first stage; the later ones are multiples of it.
        shortcut: Whether alignment uses shallow features beside the deep ones.
        heatmap: Heatmap of the landmarks for the other heads: none, one for all, or one for each.
        head_inputs: Inputs of the pose and presence heads.
        points: Whether the landmark coordinates, which are finer than any heatmap, are another
            input of the pose and presence heads.
        gaze: Whether the network has a gaze head for both eyes.
        own_presence: Whether presence has convolutions of its own besides, see
            :class:`~atpn_ros.learning.networks.presence_head.PresenceHead`.
        refinement: How landmarks and rotation are refined by features at the landmarks: not, in one
            step, or in two larger ones, see
            :class:`~atpn_ros.learning.networks.landmark_refinement.LandmarkRefinement`.
    """

    width: int = 16
    shortcut: bool = True
    heatmap: Literal["none", "one", "per_landmark"] = "one"
    head_inputs: Literal["features", "heatmap", "both"] = "both"
    points: bool = True
    gaze: bool = False
    own_presence: bool = False
    refinement: Literal["none", "small", "large"] = "none"

    def __post_init__(self) -> None:
        if self.head_inputs != "features" and self.heatmap == "none":
            raise ValueError("head_inputs uses the heatmap, but heatmap is none")


class AtpnOutput(NamedTuple):
    """Outputs of the network for N crops.

    Attributes:
        landmarks: (N, 98, 2) crop coordinates 0..1.
        log_sigma: (N, 98) log of the spread in crop coordinates.
        rotation: (N, 3, 3) head to the crop's own camera.
        presence: (N,) logit.
        gaze: (N, 2, 3) unit directions of the right and left eye in the crop's own camera, or None.
        gaze_log_sigma: (N, 2) log of the expected angle in radians between those directions and the
            true ones, or None.
    """

    landmarks: Tensor
    log_sigma: Tensor
    rotation: Tensor
    presence: Tensor
    gaze: Tensor | None = None
    gaze_log_sigma: Tensor | None = None


class CheapHeatmap(nn.Module):
    """Gaussian heatmap of landmarks on a (size, size) grid, without learned parameters.

    Per landmark: ``H_i(u) = exp(-|u - p_i|^2 / (2 sigma^2))``; one map: ``1 - exp(-sum_i H_i)``,
    which is a matrix product of the spots' rows and columns and so costs next to nothing.
    """

    def __init__(self, size: int, per_landmark: bool) -> None:
        super().__init__()
        self.size, self.per_landmark = size, per_landmark
        # Distances of x to the columns, then of y to the rows, so that sigma is one cell.
        scale = 0.5**0.5 * size
        steps = (torch.arange(size) + 0.5) * (0.5**0.5)
        axes = torch.tensor([[scale, 0.0]] * size + [[0.0, scale]] * size)
        self.register_buffer("axes", axes, persistent=False)
        self.register_buffer("offset", -torch.cat([steps, steps]), persistent=False)

    def forward(self, landmarks: Tensor) -> Tensor:
        distance = functional.linear(landmarks.reshape(-1, 2), self.axes, self.offset)
        spots = torch.exp(-(distance * distance)).reshape(-1, 1, LANDMARKS, 2 * self.size)
        columns, rows = spots.split(self.size, 3)
        if self.per_landmark:
            return rows[:, 0, :, :, None] * columns[:, 0, :, None, :]
        # ONNX Runtime computes a product and its factor in one step.
        return 1.0 - torch.exp((rows.transpose(2, 3) @ columns) * -1.0)


class Atpn(nn.Module):
    """(N, 128, 128, 3) uint8 BGR crops to :class:`AtpnOutput`."""

    def __init__(self, settings: AtpnSettings) -> None:
        super().__init__()
        self.settings = settings
        w = settings.width
        self.stem = conv(3, w, 2)  # 64
        self.shallow = conv(w, 2 * w, 2)  # 32
        self.middle = nn.Sequential(conv(2 * w, 4 * w, 2), Residual(4 * w, 1))  # 16
        self.deep = nn.Sequential(conv(4 * w, 6 * w, 2), Residual(6 * w, 2))  # 8

        # Alignment: deep features, upsampled to 16x16, and shallow ones.
        self.lateral = conv(6 * w, 4 * w, kernel=1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.shrink = nn.AvgPool2d(2)
        fused = 8 * w + (2 * w if settings.shortcut else 0)
        self.fuse = conv(fused, 4 * w, kernel=1)
        self.maps = nn.Conv2d(4 * w, LANDMARKS, 1)
        self.correction = nn.Linear(6 * w, 2 * LANDMARKS)
        self.spread = nn.Linear(6 * w, LANDMARKS)
        steps = (torch.arange(16) + 0.5) / 16
        grid = torch.stack([steps.repeat(16), steps.repeat_interleave(16)], -1)  # x, y per cell
        self.register_buffer("grid", grid, persistent=False)

        # Pose and presence: features, the cheap heatmap and the landmarks' coordinates.
        maps = {"none": 0, "one": 1, "per_landmark": LANDMARKS}[settings.heatmap]
        uses_features = settings.head_inputs != "heatmap"
        self.uses_features, self.uses_heatmap = uses_features, settings.head_inputs != "features"
        self.heatmap = (
            CheapHeatmap(16, settings.heatmap == "per_landmark") if self.uses_heatmap else None
        )
        self.drawn = conv(maps, w, 2) if self.uses_heatmap else None  # 8
        self.heads = nn.Sequential(
            conv(
                (w if self.uses_heatmap else 0) + (6 * w if uses_features else 0), 6 * w, kernel=1
            ),
            conv(6 * w, 4 * w, 2),
            Residual(4 * w, 2, 2 * w),
        )  # 4
        # The pose depends on positions, so the cells are not averaged.
        self.cells = nn.Linear(16 * 4 * w, 6 * w)
        self.coordinates = nn.Linear(2 * LANDMARKS, 6 * w) if settings.points else None
        self.mix = nn.Sequential(nn.ReLU(), nn.Linear(6 * w, 4 * w), nn.ReLU())
        self.pose = nn.Linear(4 * w, 6)
        self.presence = nn.Linear(4 * w, 1)
        self.presence_maps = PresenceHead(w) if settings.own_presence else None
        self.refinement = nn.ModuleList(
            LandmarkRefinement(channels, 6 * w, size)
            for channels, size in zip((2 * w, w), SIZES[settings.refinement], strict=False)
        )
        hidden = sum(size.hidden for size in SIZES[settings.refinement])
        self.pose_refinement = nn.Linear(hidden, 6, bias=False) if hidden else None
        self.gaze = EyeGaze() if settings.gaze else None
        self.register_buffer("columns", _columns(), persistent=False)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)
        nn.init.constant_(self.spread.bias, -3.0)
        nn.init.normal_(self.pose.weight, std=1e-3)
        if self.pose_refinement is not None:
            nn.init.zeros_(self.pose_refinement.weight)
        with torch.no_grad():
            self.pose.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))

    def forward(self, crops: Tensor) -> AtpnOutput:
        # Cast first: TensorRT takes bytes only where a cast reads them.
        pixels = crops.float() - 128.0
        x = pixels.permute(0, 3, 1, 2)
        stem = self.stem(x)
        shallow = self.shallow(stem)
        middle = self.middle(shallow)
        deep = self.deep(middle)

        parts = [self.up(self.lateral(deep)), middle]
        if self.settings.shortcut:
            parts.append(self.shrink(shallow))
        maps = self.maps(self.fuse(torch.cat(parts, 1)))
        pooled = deep.mean((2, 3))
        # Half precision would round coordinates to a 256th of the crop.
        with torch.autocast(crops.device.type, enabled=False):
            # Shapes are written out: flatten would leave arithmetic on shapes in the exported
            # graph, which TensorRT 8.5 stumbles over.
            attention = maps.float().reshape(-1, LANDMARKS, _CELLS).softmax(-1)
            # One product for both: the shifts, then the spreads.
            weight = torch.cat([self.correction.weight, self.spread.weight])
            bias = torch.cat([self.correction.bias, self.spread.bias])
            both = functional.linear(pooled.float(), weight, bias)
            shift = both[:, : 2 * LANDMARKS].reshape(-1, LANDMARKS, 2)
            landmarks = attention @ self.grid + shift
            log_sigma = both[:, 2 * LANDMARKS :]
            known = landmarks.detach()
            heatmap = None if self.heatmap is None else self.heatmap(known)
            # The other heads use the landmarks as they are before the refinement.
            refined = []
            for step, features in zip(self.refinement, (shallow, stem), strict=False):
                refined.append(step(features, landmarks.detach(), pooled.float()))
                landmarks = landmarks + refined[-1].shift

        inputs = [deep] if self.uses_features else []
        if self.drawn is not None:
            inputs.append(self.drawn(heatmap))
        cells = self.heads(torch.cat(inputs, 1))
        with torch.autocast(crops.device.type, enabled=False):
            flat = cells.float().reshape(-1, 64 * self.settings.width)
            mixed = self.mix(self._first_layer(flat, known))
            if self.pose_refinement is None:
                six = self.pose(mixed)
            else:
                weight = torch.cat([self.pose.weight, self.pose_refinement.weight], 1)
                six = functional.linear(
                    torch.cat([mixed, *(r.hidden for r in refined)], 1), weight, self.pose.bias
                )
            rows = _from_six(six) @ self.columns
            rotation = rows.reshape(-1, 3, 3)
            presence = self.presence(mixed)
        if self.presence_maps is not None:
            presence = self.presence_maps(middle, deep, flat, presence)
        presence = presence[:, 0]
        if self.gaze is None:
            return AtpnOutput(landmarks, log_sigma, rotation, presence)
        gaze, spread = self.gaze(pixels, known, rows.detach())
        return AtpnOutput(landmarks, log_sigma, rotation, presence, gaze, spread)

    def _first_layer(self, cells: Tensor, landmarks: Tensor) -> Tensor:
        """First linear layer of the heads, of cells and landmark coordinates, as one product."""
        if self.coordinates is None:
            return self.cells(cells)
        # Coordinates are relative to the crop's centre, in quarters of its side.
        coordinates = self.coordinates.weight * 4.0
        bias = self.cells.bias + self.coordinates.bias - coordinates.sum(1) * 0.5
        known = torch.cat([cells, landmarks.reshape(-1, 2 * LANDMARKS)], 1)
        return functional.linear(known, torch.cat([self.cells.weight, coordinates], 1), bias)


_FIRST, _SECOND = [1, 2, 0, 2, 0, 1], [5, 3, 4, 4, 5, 3]
"""Factors of a cross product's positive and negative terms, among two vectors' six numbers."""


def _from_six(six: Tensor) -> Tensor:
    """(N, 6) to (N, 12): two columns of a rotation, and the signed terms of the third.

    Gram-Schmidt on two columns (arXiv 1812.07035). The third is their cross product, whose terms
    are summed by the matrix of :func:`_columns`.
    """
    a, b = six[:, :3], six[:, 3:]
    x = normalize(a)
    y = b - (x * b).sum(-1, keepdim=True) * x
    two = torch.cat([x, normalize(y)], 1)
    return torch.cat([two, two[:, _FIRST] * two[:, _SECOND]], 1)


def _columns() -> Tensor:
    """(12, 9) matrix from the output of :func:`_from_six` to a rotation in the camera frame."""
    facing = torch.tensor(geometry.FACING, dtype=torch.float32)
    out = torch.zeros(4, 3, 3, 3)  # of x, y, + and -: to row and column of the rotation
    for part, (column, sign) in enumerate(((0, 1.0), (1, 1.0), (2, 1.0), (2, -1.0))):
        out[part, :, :, column] = facing.T * sign
    return out.reshape(12, 9)
