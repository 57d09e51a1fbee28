# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured: a model of this project or a peer's, as crops in and answers out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.engines import load_engine
from atpn_ros.engines.base import Engine, ModelError, NetworkOutput, one_line
from atpn_ros.learning.evaluation.crops import CropPlan
from atpn_ros.learning.evaluation.peer_config import Description
from atpn_ros.learning.evaluation.points import WFLW98, Layout
from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of N crops, in crop coordinates; None for what it does not say.

    Attributes:
        landmarks: (N, layout.count, 2).
        rotation: (N, 3, 3).
        presence: (N,).
        gaze: (N, 2, 3).
    """

    landmarks: Floats
    rotation: Floats | None = None
    presence: Floats | None = None
    gaze: Floats | None = None


class Subject(Protocol):
    """A model that can be measured."""

    @property
    def path(self) -> Path:
        """Its file."""
        ...

    @property
    def layout(self) -> Layout:
        """What its landmarks are."""
        ...

    @property
    def plan(self) -> CropPlan:
        """Which crops it wants."""
        ...

    @property
    def size(self) -> int:
        """Their side in pixels."""
        ...

    @property
    def engine(self) -> Engine | None:
        """What the node would run it with; None for a model that the node cannot run."""
        ...

    def run(self, crops: Image) -> Answer:
        """Run (N, size, size, 3) uint8 BGR crops."""
        ...


class Ours:
    """A model that the node can run, by the node's engine.

    Raises:
        ModelError: It is missing or no such model.
    """

    layout = WFLW98
    plan = CropPlan()
    size = CROP_SIZE

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine: Engine = load_engine(path, "onnx-cpu")

    def run(self, crops: Image) -> Answer:
        """See :meth:`Subject.run`."""
        out: NetworkOutput = self.engine.run(crops)
        return Answer(out.landmarks, out.rotation, out.presence, out.gaze)


class Described:
    """A peer's landmark model, as its description says.

    Raises:
        ModelError: It cannot be loaded or is not as described; names the field.
    """

    engine = None

    def __init__(self, path: Path, description: Description) -> None:
        import onnxruntime as ort

        self.path, self._description = path, description
        self.layout, self.plan, self.size = description.points, description.crop, description.size
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = ort.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own types are not importable by name
            raise ModelError(f"{path}: cannot be loaded: {one_line(error)}") from error
        inputs = {i.name: i.shape for i in self._session.get_inputs()}
        outputs = [o.name for o in self._session.get_outputs()]
        self._input = _chosen(description.input, list(inputs), f"{path}: input.name")
        self._output = _chosen(description.output, outputs, f"{path}: output.name")
        # Many published models take one picture at a time.
        self._single = inputs[self._input][0] == 1

    def run(self, crops: Image) -> Answer:
        """See :meth:`Subject.run`."""
        fed = _fed(crops, self._description)
        parts = np.split(fed, len(fed)) if self._single else [fed]
        try:
            values = [self._session.run([self._output], {self._input: p})[0] for p in parts]
        except Exception as error:
            raise ModelError(f"{self.path}: not as described: {one_line(error)}") from error
        d = self._description
        found = np.concatenate(
            [np.reshape(v, (len(p), -1)) for v, p in zip(values, parts, strict=True)]
        )
        if found.shape[1] != d.points.count * d.dimensions:
            raise ModelError(
                f"{self.path}: output {self._output!r} has {found.shape[1]} numbers per crop, "
                f"output.points needs {d.points.count} x {d.dimensions}"
            )
        points = found.reshape(len(crops), -1, d.dimensions)[..., :2].astype(np.float64)
        if d.unit == "pixels":
            points = (points + 0.5) / d.size
        elif d.unit == "centred":
            points = (points + 1) / 2
        return Answer(points)


def open_subject(path: Path, description: Description | None = None) -> Subject:
    """A model of this project, or with a description a peer's.

    Raises:
        ModelError: It cannot be loaded or is of another kind.
    """
    return Ours(path) if description is None else Described(path, description)


def _fed(crops: Image, d: Description) -> np.ndarray:
    """Crops as a described model takes them."""
    x = crops[..., ::-1] if d.rgb else crops
    if d.floating:
        x = (x.astype(np.float32) - np.float32(d.mean)) / np.float32(d.scale)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2) if d.planar else x)


def _chosen(wanted: str, have: list[str], where: str) -> str:
    if wanted in have:
        return wanted
    if not wanted and len(have) == 1:
        return have[0]
    raise ModelError(f"{where}: {wanted or 'not given'}; the model has {', '.join(have)}")
