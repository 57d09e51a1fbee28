# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All figures of one model on one set of faces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from atpn_ros.learning.evaluation import crops as cropping
from atpn_ros.learning.evaluation.accuracy import LandmarkFigures, landmark_figures
from atpn_ros.learning.evaluation.adapt import Adapter, fit_adapter
from atpn_ros.learning.evaluation.angles import (
    PoseFigures,
    by_yaw,
    gaze_figures,
    pose_errors,
    pose_figures,
    turns,
)
from atpn_ros.learning.evaluation.faces import Face
from atpn_ros.learning.evaluation.points import GROUPS68, Pairing, readings
from atpn_ros.learning.evaluation.predict import Predictions, predict, predict_faces
from atpn_ros.learning.evaluation.statistics import Estimate, Roc, estimate, roc
from atpn_ros.learning.evaluation.subjects import Subject
from atpn_ros.types import Floats, Image

ADAPTED = "adapted"
"""The reading through an adapter."""


@dataclass(frozen=True, slots=True)
class ToneFigures:
    """Of the faces of one skin tone bin, turned by at most 60 degrees.

    Attributes:
        nme: Percent.
        angle: Degrees of rotation.
    """

    nme: Estimate | None
    angle: Estimate | None


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """From one kind of crops.

    Attributes:
        landmarks: By reading: ``raw``, ``clicked``, ``adapted``.
        nme_by_yaw: NME (raw) by turn of the head, where that is known.
        pose: Of the head; None where it is not known.
        gaze: Degrees, ``eyes`` and ``head``.
        tones: By skin tone bin, where that is known.
        adapter_penalty: What cross-validation chose; None without an adapter.
    """

    landmarks: Mapping[str, LandmarkFigures]
    nme_by_yaw: Mapping[str, Estimate | None] = field(default_factory=dict)
    pose: PoseFigures | None = None
    gaze: Mapping[str, Estimate] = field(default_factory=dict)
    tones: Mapping[str, ToneFigures] = field(default_factory=dict)
    adapter_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class SetFigures:
    """On one set of faces.

    Attributes:
        faces: How many.
        detections: How many have a real detector's box; the others' boxes are the true ones, as
            far off as detectors are.
        boxes: By kind of crops.
        presence: Crops on faces against crops beside them, and pictures without a face; None for a
            model that does not say.
    """

    faces: int
    detections: int
    boxes: Mapping[str, BoxFigures]
    presence: Roc | None


def measure_set(
    subject: Subject,
    faces: Sequence[Face],
    boxes: Sequence[str],
    adapt_on: Sequence[Face] = (),
    empty: Sequence[Image] = (),
) -> SetFigures:
    """Measure a model.

    Args:
        subject: The model.
        faces: To measure on.
        boxes: Kinds of :data:`atpn_ros.learning.evaluation.crops.BOXES`.
        adapt_on: Other faces of the same set, to fit an adapter on; none for no adapter.
        empty: Pictures without a face.
    """
    answers = predict_faces(subject, faces, boxes)
    taught = predict_faces(subject, adapt_on, boxes) if adapt_on else {}
    out = {
        kind: _box_figures(subject, faces, answers[kind], adapt_on, taught.get(kind))
        for kind in answers
    }
    found = sum(f.detection is not None for f in faces)
    return SetFigures(len(faces), found, out, _presence(subject, faces, empty))


def _box_figures(
    subject: Subject,
    faces: Sequence[Face],
    answer: Predictions,
    adapt_on: Sequence[Face],
    taught: Predictions | None,
) -> BoxFigures:
    labelled = faces[0].layout
    truth = np.stack([f.points for f in faces])
    pairs = readings(answer.points, subject.layout, truth, labelled)
    adapter: Adapter | None = None
    if taught is not None:
        wanted = np.stack([f.layout.to68(f.points) for f in adapt_on])
        adapter = fit_adapter(taught.points, wanted, subject.layout)
        size = next(iter(pairs.values())).size
        pairs[ADAPTED] = Pairing(adapter(answer.points), labelled.to68(truth), GROUPS68, size)
    subsets = [f.subset for f in faces]
    landmarks = {name: landmark_figures(pair, subsets) for name, pair in pairs.items()}
    penalty = None if adapter is None else adapter.penalty
    if faces[0].rotation is None:
        return BoxFigures(landmarks, adapter_penalty=penalty)
    errors = pairs["raw"].distances().mean(axis=1)
    has_pose = answer.rotation is not None
    return BoxFigures(
        landmarks,
        by_yaw(errors, faces),
        pose_figures(answer.rotation, faces) if has_pose else None,
        gaze_figures(answer.gaze, answer.rotation, faces),
        _tones(errors, pose_errors(answer.rotation, faces) if has_pose else None, faces),
        penalty,
    )


def _tones(errors: Floats, angles: Floats | None, faces: Sequence[Face]) -> dict[str, ToneFigures]:
    near = turns(faces) <= 60
    out = {}
    for tone in sorted({f.tone for f in faces if f.tone is not None}):
        chosen = near & np.array([f.tone == tone for f in faces])
        angle = None if angles is None else estimate(angles[chosen])
        out[str(tone)] = ToneFigures(estimate(errors[chosen]), angle)
    return out


def _presence(subject: Subject, faces: Sequence[Face], empty: Sequence[Image]) -> Roc | None:
    rng = np.random.default_rng(0)
    crops = [cropping.first_crop(f, rng) for f in faces]
    images = [f.image for f in faces]
    there = predict(subject, images, crops).presence
    if there is None:
        return None
    away = predict(subject, images, [cropping.beside(c, i) for i, c in enumerate(crops)]).presence
    parts = [] if away is None else [away]
    if empty:
        none = predict(subject, empty, [cropping.whole(image) for image in empty]).presence
        parts += [] if none is None else [none]
    return roc(there, np.concatenate(parts))
