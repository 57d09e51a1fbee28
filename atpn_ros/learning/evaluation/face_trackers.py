# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the pipeline and MediaPipe Face Mesh over a sequence of frames, with results of one type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from atpn_ros import __version__, geometry
from atpn_ros.bench.mediapipe_faces import IBUG68_IN_MESH, MediaPipeFaces
from atpn_ros.detectors import detector_file, load_detector
from atpn_ros.engines.base import Engine
from atpn_ros.files import sha256
from atpn_ros.landmark_layouts import to_ibug68
from atpn_ros.learning.evaluation.step_errors import FaceShape
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.settings import Settings
from atpn_ros.types import Box, FaceState, Floats, Frame, Image

OVERLAP = 0.3
"""Least intersection over union of boxes in consecutive frames that get the same id."""

_FIRST_NS = 1_000_000_000


TrackedFaces = dict[int, FaceShape]
"""The faces of one frame by id, each with iBUG's 68 points."""


class FaceTracker(Protocol):
    """Tracks the faces of sequences."""

    @property
    def name(self) -> str:
        """Name for tables."""

    @property
    def version(self) -> str:
        """Part of a file name, from the release, the weights and the settings that matter."""

    def track(self, frames: Iterable[Image]) -> Iterator[TrackedFaces]:
        """The faces of each frame of a new sequence."""


class PipelineTracker:
    """The node's pipeline without a calibrated camera.

    Args:
        engine: Runs the network.
        settings: The node's settings.
        rate_hz: Rate of the frames' stamps.
    """

    def __init__(self, engine: Engine, settings: Settings, rate_hz: float) -> None:
        self.name = "atpn_ros"
        weights = (settings.model_path(), detector_file(settings.detector_model))
        digests = [sha256(path)[:8] for path in weights]
        self.version = "-".join(
            ["atpn_ros", __version__, *digests, str(settings.max_faces), f"{rate_hz:g}"]
        )
        self._engine, self._settings, self._rate_hz = engine, settings, rate_hz

    def track(self, frames: Iterable[Image]) -> Iterator[TrackedFaces]:
        """The faces of each frame of a new sequence; lost ones are left out."""
        settings = self._settings
        detector = load_detector(settings.detector_model, settings.smallest_face)
        pipeline = FacePipeline(self._engine, detector, settings.pipeline_settings())
        for number, image in enumerate(frames):
            stamp_ns = _FIRST_NS + round(number * 1e9 / self._rate_hz)
            result = pipeline.process(Frame(image, stamp_ns))
            yield {
                face.id: FaceShape(to_ibug68(face.landmarks), face.pose.rotation)
                for face in result.faces
                if face.state is not FaceState.LOST
                and face.landmarks is not None
                and face.pose is not None
            }


class MediaPipeTracker:
    """MediaPipe Face Mesh, with ids by :class:`OverlapIds`.

    Face Mesh returns no rotation. It is computed here as the rotation that best fits the 3D points
    of the face's first frame to those of the current frame.
    """

    def __init__(self, process: MediaPipeFaces) -> None:
        self.name = process.name
        self.version = f"{process.name.replace(' ', '_')}-{process.max_faces}"
        self._process = process

    def track(self, frames: Iterable[Image]) -> Iterator[TrackedFaces]:
        """The faces of each frame of a new sequence."""
        ids = OverlapIds()
        first: dict[int, Floats] = {}
        for meshes in self._process.track(frames):
            points = [mesh[list(IBUG68_IN_MESH), :2] for mesh in meshes]
            numbers = ids.assign([Box.around(p) for p in points])
            for number, mesh in zip(numbers, meshes, strict=True):
                first.setdefault(number, mesh)
            yield {
                number: FaceShape(p, rotation_between(first[number], mesh))
                for number, p, mesh in zip(numbers, points, meshes, strict=True)
            }


class OverlapIds:
    """Assigns ids by the overlap with the previous frame, the pair with the largest overlap first.

    A face that overlaps no face of the previous frame by :data:`OVERLAP` gets a new id.
    """

    def __init__(self) -> None:
        self._before: Mapping[int, Box] = {}
        self._next = 1

    def assign(self, boxes: Sequence[Box]) -> list[int]:
        """The ids of the next frame's boxes."""
        pairs = [
            (box.iou(old), i, number)
            for i, box in enumerate(boxes)
            for number, old in self._before.items()
        ]
        ids: dict[int, int] = {}
        for overlap, i, number in sorted(pairs, key=lambda pair: -pair[0]):
            if overlap >= OVERLAP and i not in ids and number not in ids.values():
                ids[i] = number
        for i in range(len(boxes)):
            if i not in ids:
                ids[i] = self._next
                self._next += 1
        self._before = {ids[i]: box for i, box in enumerate(boxes)}
        return [ids[i] for i in range(len(boxes))]


def rotation_between(start: Floats, end: Floats) -> Floats:
    """(3, 3) the rotation that best fits (N, 3) points to others, in any position and scale."""
    a, b = (p - p.mean(axis=0) for p in (start, end))
    return geometry.nearest_rotation(b.T @ a / (np.linalg.norm(a) * np.linalg.norm(b)))
