# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluates one model on one data set: landmarks, pose, gaze, presence; by groups of faces."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.age_groups import AGE_GROUPS
from atpn_ros.learning.data.face_crops import detector_crop
from atpn_ros.learning.data.labelled_face import Images, LabelledFace
from atpn_ros.learning.data.layouts import GROUPS68, WFLW98, Layout
from atpn_ros.learning.evaluation import crops as cropping
from atpn_ros.learning.evaluation.angle_metrics import (
    PoseMetrics,
    by_yaw,
    gaze_metrics,
    pose_errors,
    pose_metrics,
    turns,
)
from atpn_ros.learning.evaluation.label_adapter import Adapter, fit_adapter
from atpn_ros.learning.evaluation.landmark_metrics import LandmarkMetrics, landmark_metrics
from atpn_ros.learning.evaluation.landmark_pairs import Pairing, pair_landmarks
from atpn_ros.learning.evaluation.models import EvaluatedModel
from atpn_ros.learning.evaluation.predict import Predictions, predict, predict_faces
from atpn_ros.learning.evaluation.spread_metrics import gaze_within, points_within
from atpn_ros.learning.evaluation.statistics import Estimate, Roc, estimate, roc
from atpn_ros.types import Floats, Image

ADAPTED = "adapted"
"""The reading through an adapter."""
VISIBLE_BINS: Mapping[str, float] = {"0-50": 0.5, "50-85": 0.85, "85-100": 1.0}
"""Percent of the landmarks that are visible, and the largest share of each bin."""


@dataclass(frozen=True, slots=True)
class GroupMetrics:
    """Of the faces of one group, turned by at most 60 degrees.

    Attributes:
        faces: How many.
        nme: Percent.
        angle: Degrees of rotation.
    """

    faces: int
    nme: Estimate | None
    angle: Estimate | None


@dataclass(frozen=True, slots=True)
class CropMetrics:
    """From one kind of crops.

    Attributes:
        landmarks: By reading: ``raw``, ``annotated``, ``adapted``.
        nme_by_yaw: NME (raw) by turn of the head, where that is known.
        pose: Of the head; None where it is not known.
        gaze: Degrees, ``eyes`` and ``head``.
        tones: By skin tone bin, where that is known.
        ages: By age group, where that is known.
        visibility: By share of the landmarks that are visible, :data:`VISIBLE_BINS`, where that is
            known.
        adapter_penalty: What cross-validation chose; None without an adapter.
        points_within: Percent of the landmarks within their own 90 % circle; None for a model
            without spreads. In a set of 68 points, without the adapter.
        gaze_within: Percent of the gaze directions within their own 90 % cone.
    """

    landmarks: Mapping[str, LandmarkMetrics]
    nme_by_yaw: Mapping[str, Estimate | None] = field(default_factory=dict)
    pose: PoseMetrics | None = None
    gaze: Mapping[str, Estimate] = field(default_factory=dict)
    tones: Mapping[str, GroupMetrics] = field(default_factory=dict)
    ages: Mapping[str, GroupMetrics] = field(default_factory=dict)
    visibility: Mapping[str, GroupMetrics] = field(default_factory=dict)
    adapter_penalty: float | None = None
    points_within: Estimate | None = None
    gaze_within: Estimate | None = None


@dataclass(frozen=True, slots=True)
class SetMetrics:
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
    boxes: Mapping[str, CropMetrics]
    presence: Roc | None


def evaluate_set(
    model: EvaluatedModel,
    faces: Sequence[LabelledFace],
    boxes: Sequence[str],
    adapt_on: Sequence[LabelledFace] = (),
    empty: Sequence[Image] = (),
    published_angles: bool = False,
) -> SetMetrics:
    """Evaluate a model on a data set.

    Args:
        model: The model.
        faces: To evaluate on.
        boxes: Kinds of :data:`atpn_ros.learning.evaluation.crops.BOXES`.
        adapt_on: Other faces of the same set, to fit an adapter on; none for no adapter.
        empty: Pictures without a face.
        published_angles: See :func:`atpn_ros.learning.evaluation.angle_metrics.pose_metrics`.
    """
    answers = predict_faces(model, faces, boxes)
    trained = predict_faces(model, adapt_on, boxes) if adapt_on else {}
    out = {
        kind: _crop_metrics(
            model, faces, answers[kind], adapt_on, trained.get(kind), published_angles
        )
        for kind in answers
    }
    found = sum(f.detection is not None for f in faces)
    return SetMetrics(len(faces), found, out, _presence(model, faces, empty))


def _crop_metrics(
    model: EvaluatedModel,
    faces: Sequence[LabelledFace],
    answer: Predictions,
    adapt_on: Sequence[LabelledFace],
    trained: Predictions | None,
    published_angles: bool,
) -> CropMetrics:
    has_pose = answer.rotation is not None
    pose = pose_metrics(answer.rotation, faces, published_angles) if has_pose else None
    gaze = gaze_metrics(answer.gaze, answer.rotation, faces)
    cone = None
    if answer.gaze is not None and answer.gaze_sigma is not None:
        cone = gaze_within(answer.gaze, answer.gaze_sigma, faces)
    if any(f.points is None for f in faces):
        return CropMetrics({}, pose=pose, gaze=gaze, gaze_within=cone)
    labelled = faces[0].layout
    truth = np.stack([f.landmarks for f in faces])
    pairs = pair_landmarks(answer.points, model.layout, truth, labelled)
    adapter: Adapter | None = None
    if trained is not None:
        wanted = np.stack([f.layout.to68(f.landmarks) for f in adapt_on])
        adapter = fit_adapter(trained.points, wanted, model.layout)
        size = next(iter(pairs.values())).size
        pairs[ADAPTED] = Pairing(adapter(answer.points), labelled.to68(truth), GROUPS68, size)
    tags = [f.tags for f in faces]
    landmarks = {name: landmark_metrics(pair, tags) for name, pair in pairs.items()}
    penalty = None if adapter is None else adapter.penalty
    circle = None
    if answer.sigma is not None:
        circle = _points_within(answer.points, answer.sigma, model.layout, truth, labelled)
    if faces[0].rotation is None:
        return CropMetrics(landmarks, gaze=gaze, adapter_penalty=penalty, points_within=circle,
                           gaze_within=cone)  # fmt: skip
    errors = pairs["raw"].distances().mean(axis=1)
    angles = pose_errors(answer.rotation, faces) if has_pose else None
    near = turns(faces) <= 60
    tones, ages = [f.tone for f in faces], [f.age_group for f in faces]
    shown = [None if f.visible is None else _visible_bin(f.visible) for f in faces]
    return CropMetrics(
        landmarks,
        by_yaw(errors, faces),
        pose,
        gaze,
        _by_group(errors, angles, near, tones, sorted({t for t in tones if t is not None})),
        _by_group(errors, angles, near, ages, [a for a in AGE_GROUPS if a in ages]),
        _by_group(errors, angles, near, shown, [b for b in VISIBLE_BINS if b in shown]),
        penalty,
        circle,
        cone,
    )


def _points_within(
    points: Floats, sigma: Floats, of: Layout, truth: Floats, labelled: Layout
) -> Estimate | None:
    if of == labelled:
        return points_within(points, sigma, truth)
    if of != WFLW98:
        return None
    kept = list(landmark_layouts.IBUG68_IN_WFLW98)
    return points_within(points[:, kept], sigma[:, kept], labelled.to68(truth))


def _visible_bin(share: float) -> str:
    return list(VISIBLE_BINS)[int(np.searchsorted(list(VISIBLE_BINS.values()), share))]


def _by_group(
    errors: Floats,
    angles: Floats | None,
    near: npt.NDArray[np.bool_],
    groups: Sequence[Hashable],
    names: Sequence[Hashable],
) -> dict[str, GroupMetrics]:
    out = {}
    for name in names:
        chosen = near & np.array([g == name for g in groups])
        angle = None if angles is None else estimate(angles[chosen])
        out[str(name)] = GroupMetrics(int(chosen.sum()), estimate(errors[chosen]), angle)
    return out


def _presence(
    model: EvaluatedModel, faces: Sequence[LabelledFace], empty: Sequence[Image]
) -> Roc | None:
    rng = np.random.default_rng(0)
    crops = [detector_crop(f, rng) for f in faces]
    images = Images(faces)
    there = predict(model, images, crops).presence
    if there is None:
        return None
    away = predict(
        model, images, [cropping.crop_beside(c, i) for i, c in enumerate(crops)]
    ).presence
    parts = [] if away is None else [away]
    if empty:
        none = predict(model, empty, [cropping.whole_crop(image) for image in empty]).presence
        parts += [] if none is None else [none]
    return roc(there, np.concatenate(parts))
