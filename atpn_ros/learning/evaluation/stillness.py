# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much landmarks tremble on a face that does not move: one picture, fresh noise per frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros.crop import Crop
from atpn_ros.detectors.base import Detection
from atpn_ros.learning.evaluation.angles import turns
from atpn_ros.learning.evaluation.crops import first_crop, next_crop
from atpn_ros.learning.evaluation.faces import Face
from atpn_ros.learning.evaluation.points import readings
from atpn_ros.learning.evaluation.predict import predict
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.learning.evaluation.subjects import Subject
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from atpn_ros.types import Box, FaceState, Floats, Frame, Image

_FRAME_NS = 33_333_333
_TURN = 45.0


@dataclass(frozen=True, slots=True)
class StillFigures:
    """Mean way of a landmark from frame to frame, over faces.

    Attributes:
        raw: Pixels per frame of the network in the tracker's loop.
        raw_percent: The same in percent of the inter-ocular distance.
        smoothed: Pixels per frame of what the pipeline gives, with its usual smoothing; None for a
            model that the node cannot run.
        noise: Standard deviation of the noise in grey levels.
        frames: Per face.
    """

    raw: Estimate | None
    raw_percent: Estimate | None
    smoothed: Estimate | None
    noise: float
    frames: int


class _Known:
    """A detector that knows where the face is."""

    name = "known"

    def __init__(self, box: Box) -> None:
        self._box = box

    def detect(self, image: Image) -> list[Detection]:
        """The face."""
        return [Detection(self._box, 1.0)]


def chosen(faces: Sequence[Face], count: int) -> list[Face]:
    """The first faces that are turned by at most 45 degrees, as far as that is known."""
    turned = turns(faces)
    return [f for f, turn in zip(faces, turned, strict=True) if not turn > _TURN][:count]


def still_figures(
    subject: Subject, faces: Sequence[Face], frames: int = 20, noise: float = 4.0
) -> StillFigures:
    """LoadControl each face for some frames."""
    raw, percent, smoothed = [], [], []
    for number, face in enumerate(faces):
        pictures = _noisy(face.image, frames, noise, number)
        crop = first_crop(face, np.random.default_rng(number))
        points = _followed(subject, pictures, crop)
        truth = face.points[None]
        size = readings(points[:1], subject.layout, truth, face.layout)["raw"].size[0]
        raw.append(_way(points))
        percent.append(_way(points) / size * 100)
        way = _through_pipeline(subject, pictures, crop)
        if way is not None:
            smoothed.append(way)
    return StillFigures(
        estimate(np.array(raw)), estimate(np.array(percent)), estimate(np.array(smoothed)),
        noise, frames,
    )  # fmt: skip


def _noisy(image: Image, frames: int, noise: float, seed: int) -> list[Image]:
    rng = np.random.default_rng(seed)
    return [
        np.clip(np.round(image + rng.normal(0, noise, image.shape)), 0, 255).astype(np.uint8)
        for _ in range(frames)
    ]


def _followed(subject: Subject, pictures: list[Image], crop: Crop) -> Floats:
    """(frames - 1, K, 2): each crop from the answer before; the first one only begins."""
    out = []
    for picture in pictures:
        points = predict(subject, [picture], [crop]).points[0]
        crop = next_crop(points, subject.layout)
        out.append(points)
    return np.stack(out[1:])


def _through_pipeline(subject: Subject, pictures: list[Image], crop: Crop) -> float | None:
    """The way of what the node would publish; None where the face is not held."""
    if subject.engine is None:
        return None
    # The inverse of detectors.square_of.
    side = crop.side / 1.25
    box = Box(crop.cx, crop.cy - 0.148 * side, side, side)
    pipeline = FacePipeline(subject.engine, _Known(box), PipelineSettings())
    seen = []
    for i, picture in enumerate(pictures):
        for face in pipeline.process(Frame(picture, i * _FRAME_NS)).faces:
            if face.state is FaceState.TRACKED and face.landmarks is not None:
                seen.append(face.landmarks)
    return _way(np.stack(seen)) if len(seen) > 2 else None


def _way(points: Floats) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=-1).mean())
