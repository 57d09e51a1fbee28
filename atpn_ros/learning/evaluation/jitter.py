# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Landmark jitter on a face that does not move: one picture with new noise in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.crop import Crop
from atpn_ros.detectors.base import Detection
from atpn_ros.learning.data.face_crops import detector_crop
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.evaluation.angle_metrics import turns
from atpn_ros.learning.evaluation.crops import tracked_crop
from atpn_ros.learning.evaluation.landmark_pairs import pair_landmarks
from atpn_ros.learning.evaluation.models import EvaluatedModel
from atpn_ros.learning.evaluation.predict import predict
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.types import Box, FaceState, Floats, Frame, Image

_FRAME_NS = 33_333_333
_TURN = 45.0


@dataclass(frozen=True, slots=True)
class JitterMetrics:
    """Mean distance that a landmark moves from frame to frame, over faces.

    Attributes:
        raw: Pixels per frame of the network, cropped by its previous landmarks as the tracker does.
        raw_percent: The same in percent of the inter-ocular distance.
        smoothed: Pixels per frame of the pipeline's output with its default smoothing; None for a
            model that the node cannot run.
        noise: Standard deviation of the noise in grey levels.
        frames: Per face.
    """

    raw: Estimate | None
    raw_percent: Estimate | None
    smoothed: Estimate | None
    noise: float
    frames: int


class _FixedDetector:
    """A detector that always returns one given box."""

    name = "fixed"

    def __init__(self, box: Box) -> None:
        self._box = box

    def detect(self, image: Image) -> list[Detection]:
        """The box, with score 1."""
        return [Detection(self._box, 1.0)]

    def latency_ns(self, height: int, width: int) -> int:
        """0: nothing is computed."""
        return 0


def frontal_faces(faces: Sequence[LabelledFace], count: int) -> list[LabelledFace]:
    """The first ``count`` faces turned by at most 45 degrees, or of unknown rotation."""
    turned = turns(faces)
    return [f for f, turn in zip(faces, turned, strict=True) if not turn > _TURN][:count]


def measure_jitter(
    model: EvaluatedModel, faces: Sequence[LabelledFace], frames: int = 20, noise: float = 4.0
) -> JitterMetrics:
    """Measure the jitter on each face over some frames."""
    raw, percent, smoothed = [], [], []
    for number, face in enumerate(faces):
        pictures = noisy(face.image, frames, noise, number)
        crop = detector_crop(face, np.random.default_rng(number))
        points = _tracked_points(model, pictures, crop)
        truth = face.points[None]
        size = pair_landmarks(points[:1], model.layout, truth, face.layout)["raw"].size[0]
        raw.append(_mean_step(points))
        percent.append(_mean_step(points) / size * 100)
        way = _pipeline_jitter(model, pictures, crop)
        if way is not None:
            smoothed.append(way)
    return JitterMetrics(
        estimate(np.array(raw)), estimate(np.array(percent)), estimate(np.array(smoothed)),
        noise, frames,
    )  # fmt: skip


def noisy(image: Image, frames: int, noise: float, seed: int) -> list[Image]:
    """Copies of an image with independent noise, of a standard deviation in grey levels."""
    rng = np.random.default_rng(seed)
    return [
        np.clip(np.round(image + rng.normal(0, noise, image.shape)), 0, 255).astype(np.uint8)
        for _ in range(frames)
    ]


def _tracked_points(model: EvaluatedModel, pictures: list[Image], crop: Crop) -> Floats:
    """(frames - 1, K, 2) pixels; each crop is cut around the points of the frame before."""
    out = []
    for picture in pictures:
        points = predict(model, [picture], [crop]).points[0]
        crop = tracked_crop(points, model.layout)
        out.append(points)
    return np.stack(out[1:])


def _pipeline_jitter(model: EvaluatedModel, pictures: list[Image], crop: Crop) -> float | None:
    """Jitter of what the node would publish, pixels; None where the face is not tracked."""
    if model.engine is None:
        return None
    # The inverse of detectors.square_of.
    side = crop.side / 1.25
    box = Box(crop.cx, crop.cy - 0.148 * side, side, side)
    pipeline = FacePipeline(model.engine, _FixedDetector(box), PipelineSettings())
    seen = []
    for i, picture in enumerate(pictures):
        for face in pipeline.process(Frame(picture, i * _FRAME_NS)).faces:
            if face.state is FaceState.TRACKED and face.landmarks is not None:
                seen.append(face.landmarks)
    return _mean_step(np.stack(seen)) if len(seen) > 2 else None


def _mean_step(points: Floats) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=-1).mean())
