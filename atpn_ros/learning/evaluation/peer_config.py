# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration file of another project's landmark model: its input, crop and output format."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from atpn_ros.learning.config import read_config
from atpn_ros.learning.data.layouts import IBUG68, LAYOUTS, Layout
from atpn_ros.learning.evaluation.crops import CropPlan


@dataclass(frozen=True, slots=True)
class PeerInput:
    """The model's input.

    Attributes:
        size: Side in pixels.
        name: Of the input; empty for the only one.
        layout: Order of the axes.
        type: Of the values.
        channels: Order of the channels.
        mean: Subtracted from each value; one number or one per channel.
        scale: Divides each value after that; one number or one per channel.
    """

    size: int
    name: str = ""
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    type: Literal["float32", "uint8"] = "float32"
    channels: Literal["RGB", "BGR"] = "RGB"
    mean: float | tuple[float, ...] = 0.0
    scale: float | tuple[float, ...] = 255.0

    def __post_init__(self) -> None:
        if self.size < 8:
            raise ValueError(f"size: must be at least 8, is {self.size}")
        for name in ("mean", "scale"):
            value = getattr(self, name)
            if isinstance(value, tuple) and len(value) != 3:
                raise ValueError(f"{name}: must be a number or three, is {list(value)}")


@dataclass(frozen=True, slots=True)
class PeerOutput:
    """The model's landmarks.

    Attributes:
        name: Of the output; empty for the only one.
        unit: ``crop`` 0..1 over the crop, ``pixels`` of it, or ``centred`` -1..1 over it.
        points: A name of :data:`atpn_ros.learning.data.layouts.LAYOUTS`, or any with ``ibug68``.
        count: Number of points, where ``points`` is no such name.
        ibug68: For each of iBUG's 68 points its index among them, where ``points`` is no such name.
        dimensions: Numbers per point; x and y come first.
    """

    name: str = ""
    unit: Literal["crop", "pixels", "centred"] = "crop"
    points: str = ""
    count: int = 0
    ibug68: tuple[int, ...] = ()
    dimensions: int = 2

    def __post_init__(self) -> None:
        if self.dimensions < 2:
            raise ValueError(f"dimensions: must be at least 2, is {self.dimensions}")
        if not self.ibug68:
            if self.points not in LAYOUTS:
                raise ValueError(
                    f"points: must be one of {', '.join(LAYOUTS)}, is {self.points!r}; "
                    "for another layout give count and ibug68"
                )
            return
        if len(self.ibug68) != IBUG68.count or not all(0 <= i < self.count for i in self.ibug68):
            raise ValueError(f"ibug68: must be 68 indices below count, which is {self.count}")

    @property
    def layout(self) -> Layout:
        """The layout of the points."""
        if not self.ibug68:
            return LAYOUTS[self.points]
        return Layout(self.points or f"own{self.count}", self.count, self.ibug68)


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """Input, crop and output format of a model."""

    input: PeerInput
    output: PeerOutput
    crop: CropPlan = field(default_factory=CropPlan)

    def __post_init__(self) -> None:
        if self.crop.margin < 0.1:
            raise ValueError(f"crop: margin: must be at least 0.1, is {self.crop.margin}")
        if len(self.crop.shift) != 2:
            raise ValueError(f"crop: shift: must be two numbers, is {list(self.crop.shift)}")

    @property
    def layout(self) -> Layout:
        """The layout of the landmarks."""
        return self.output.layout


def load_peer_config(path: Path, layout: str | None = None) -> PeerConfig:
    """Read a configuration file.

    Args:
        path: The YAML file.
        layout: A name of a layout that replaces the file's.

    Raises:
        ConfigError: It cannot be read, or a field is unknown, missing or wrong; the message names
            the file and the field.
    """
    config = read_config(path, PeerConfig)
    if layout is None:
        return config
    return replace(config, output=replace(config.output, points=layout, count=0, ibug68=()))
