# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Models under evaluation, which map crops to landmarks: ATPN or another project's ONNX file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.detectors.session import cpu_session
from atpn_ros.engines import load_engine
from atpn_ros.engines.base import Engine, ModelError, NetworkOutput, one_line
from atpn_ros.learning.data.layouts import WFLW98, Layout
from atpn_ros.learning.evaluation.crops import CropPlan
from atpn_ros.learning.evaluation.peer_config import PeerConfig, PeerInput
from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What a model predicts for N crops, in crop coordinates; None for outputs it does not have.

    Attributes:
        landmarks: (N, layout.count, 2).
        rotation: (N, 3, 3).
        presence: (N,).
        gaze: (N, 2, 3).
        sigma: (N, layout.count) expected distances of the landmarks to the true ones.
        gaze_sigma: (N, 2) expected angles to the true directions, radians.
    """

    landmarks: Floats
    rotation: Floats | None = None
    presence: Floats | None = None
    gaze: Floats | None = None
    sigma: Floats | None = None
    gaze_sigma: Floats | None = None


class EvaluatedModel(Protocol):
    """A model that can be evaluated."""

    @property
    def path(self) -> Path:
        """The model's file."""
        ...

    @property
    def layout(self) -> Layout:
        """The layout of its landmarks."""
        ...

    @property
    def plan(self) -> CropPlan:
        """The crops that it was trained on."""
        ...

    @property
    def size(self) -> int:
        """Side of its input in pixels."""
        ...

    @property
    def engine(self) -> Engine | None:
        """The node's engine of it; None for a model that the node cannot run."""
        ...

    def run(self, crops: Image) -> ModelOutput:
        """Run (N, size, size, 3) uint8 BGR crops."""
        ...


class NodeModel:
    """A model in the node's format, run by the node's engine.

    Raises:
        ModelError: It is missing or no such model.
    """

    layout = WFLW98
    plan = CropPlan()
    size = CROP_SIZE

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine: Engine = load_engine(path, "onnx-cpu")

    def run(self, crops: Image) -> ModelOutput:
        """See :meth:`EvaluatedModel.run`."""
        out: NetworkOutput = self.engine.run(crops)
        return ModelOutput(
            out.landmarks, out.rotation, out.presence, out.gaze, out.sigma, out.gaze_sigma
        )


class PeerModel:
    """A landmark model of another project, run as its configuration file describes.

    Raises:
        ModelError: It cannot be loaded or is not as described; the message names the field.
    """

    engine = None

    def __init__(self, path: Path, config: PeerConfig) -> None:
        self.path, self._config = path, config
        self.layout, self.plan, self.size = config.layout, config.crop, config.input.size
        try:
            self._session: Any = cpu_session(path)
        except Exception as error:  # ONNX Runtime's own types are not importable by name
            raise ModelError(f"{path}: cannot be loaded: {one_line(error)}") from error
        inputs = {i.name: i.shape for i in self._session.get_inputs()}
        outputs = [o.name for o in self._session.get_outputs()]
        self._input = _checked_name(config.input.name, list(inputs), f"{path}: input.name")
        self._output = _checked_name(config.output.name, outputs, f"{path}: output.name")
        # Many published models take one picture at a time.
        self._single = inputs[self._input][0] == 1

    def run(self, crops: Image) -> ModelOutput:
        """See :meth:`EvaluatedModel.run`."""
        fed = _input_batch(crops, self._config.input)
        parts = np.split(fed, len(fed)) if self._single else [fed]
        try:
            values = [self._session.run([self._output], {self._input: p})[0] for p in parts]
        except Exception as error:
            raise ModelError(f"{self.path}: not as described: {one_line(error)}") from error
        output, count = self._config.output, self.layout.count
        found = np.concatenate(
            [np.reshape(v, (len(p), -1)) for v, p in zip(values, parts, strict=True)]
        )
        if found.shape[1] != count * output.dimensions:
            raise ModelError(
                f"{self.path}: output {self._output!r} has {found.shape[1]} numbers per crop, "
                f"output.points needs {count} x {output.dimensions}"
            )
        points = found.reshape(len(crops), -1, output.dimensions)[..., :2].astype(np.float64)
        if output.unit == "pixels":
            points = (points + 0.5) / self.size
        elif output.unit == "centred":
            points = (points + 1) / 2
        return ModelOutput(points)


def open_model(path: Path, config: PeerConfig | None = None) -> EvaluatedModel:
    """Open a model of the node, or with a configuration one of another project.

    Raises:
        ModelError: It cannot be loaded or is of another kind.
    """
    return NodeModel(path) if config is None else PeerModel(path, config)


def _input_batch(crops: Image, config: PeerInput) -> np.ndarray:
    """(N, S, S, 3) crops in the model's input format."""
    x = crops[..., ::-1] if config.channels == "RGB" else crops
    if config.type == "float32":
        x = (x.astype(np.float32) - np.float32(config.mean)) / np.float32(config.scale)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2) if config.layout == "NCHW" else x)


def _checked_name(wanted: str, have: list[str], where: str) -> str:
    if wanted in have:
        return wanted
    if not wanted and len(have) == 1:
        return have[0]
    raise ModelError(f"{where}: {wanted or 'not given'}; the model has {', '.join(have)}")
