# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a model on crops of many faces and returns predictions in pixels of their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros import geometry
from atpn_ros.crop import Crop, cut_batch
from atpn_ros.engines.base import ModelError
from atpn_ros.learning.data.face_crops import detector_crop, exact_crop
from atpn_ros.learning.data.labelled_face import Images, LabelledFace
from atpn_ros.learning.evaluation import crops as cropping
from atpn_ros.learning.evaluation.models import EvaluatedModel, ModelOutput
from atpn_ros.types import Floats, Image

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions for N faces; None for outputs that the model does not have.

    Attributes:
        points: (N, K, 2) pixels.
        rotation: (N, 3, 3) head to an upright crop's own camera.
        presence: (N,).
        gaze: (N, 2, 3) in an upright crop's own camera.
        sigma: (N, K) expected distances of the points to the true ones, pixels.
        gaze_sigma: (N, 2) expected angles to the true directions, radians.
    """

    points: Floats
    rotation: Floats | None
    presence: Floats | None
    gaze: Floats | None
    sigma: Floats | None = None
    gaze_sigma: Floats | None = None


def predict(model: EvaluatedModel, images: Sequence[Image], crops: Sequence[Crop]) -> Predictions:
    """Run one crop of each picture.

    Raises:
        ModelError: A predicted value is not finite; the message names the file and the output.
    """
    chosen = [model.plan.fit(c) for c in crops]
    answers = []
    for i in range(0, len(chosen), _BATCH):
        pairs = zip(images[i : i + _BATCH], chosen[i : i + _BATCH], strict=True)
        batch = np.concatenate([cut_batch(image, [c], model.size) for image, c in pairs])
        answers.append(_checked(model.run(batch), model))
    points = np.concatenate([a.landmarks for a in answers])
    turns = np.stack([geometry.about_z(c.angle) for c in chosen])
    rotation = _joined([a.rotation for a in answers])
    gaze = _joined([a.gaze for a in answers])
    sigma = _joined([a.sigma for a in answers])
    return Predictions(
        np.stack([c.to_image(p) for c, p in zip(chosen, points, strict=True)]),
        None if rotation is None else turns @ rotation,
        _joined([a.presence for a in answers]),
        None if gaze is None else gaze @ turns.transpose(0, 2, 1),
        None if sigma is None else sigma * np.array([c.side for c in chosen])[:, None],
        _joined([a.gaze_sigma for a in answers]),
    )


def predict_faces(
    model: EvaluatedModel, faces: Sequence[LabelledFace], boxes: Sequence[str]
) -> dict[str, Predictions]:
    """The answers from each kind of :data:`atpn_ros.learning.evaluation.crops.BOXES`."""
    rng = np.random.default_rng(0)
    images = Images(faces)
    out: dict[str, Predictions] = {}
    if "truth" in boxes:
        out["truth"] = predict(model, images, [exact_crop(f) for f in faces])
    if "detector" in boxes or "tracked" in boxes:
        first = predict(model, images, [detector_crop(f, rng) for f in faces])
        if "detector" in boxes:
            out["detector"] = first
        if "tracked" in boxes:
            again = [cropping.tracked_crop(p, model.layout) for p in first.points]
            out["tracked"] = predict(model, images, again)
    return out


def _checked(answer: ModelOutput, model: EvaluatedModel) -> ModelOutput:
    for name in ("landmarks", "rotation", "presence", "gaze", "sigma", "gaze_sigma"):
        values = getattr(answer, name)
        if values is not None and not np.isfinite(values).all():
            raise ModelError(f"{model.path}: output {name!r}: a value is not finite")
    return answer


def _joined(parts: list[Floats | None]) -> Floats | None:
    present = [p for p in parts if p is not None]
    return np.concatenate(present) if present else None
