# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a network is: NME, FR and AUC of landmarks, degrees of pose, AUC of presence.

NME is the mean distance of the 68 iBUG points over the distance of the outer eye corners, in
percent; FR the share of faces above 10 %; AUC the area under the cumulative error curve up to 10 %.
Crops come from a real detector's boxes, so the figures are those of a face's first frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from atpn_ros import geometry, layouts
from atpn_ros.crop import Crop, crop_from_landmarks, cut
from atpn_ros.detectors.base import square_of
from atpn_ros.learning.data import Sample
from atpn_ros.learning.network import Atpn
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one network on one set.

    Attributes:
        nme: Percent, from the detector's crop.
        nme_margin: Half the width of its 95 % interval over faces (bootstrap).
        nme_again: After cropping once more by the first answer, as the tracker does.
        fr10: Percent of faces.
        auc10: 0..1.
        pose_degrees: Mean angle to the fitted rotation.
        presence_auc: Crops on the face against crops beside it.
        gaze_degrees: Mean angle of open eyes' directions; NaN without such a truth.
    """

    nme: float
    nme_margin: float
    nme_again: float
    fr10: float
    auc10: float
    pose_degrees: float
    presence_auc: float
    gaze_degrees: float


@dataclass(frozen=True, slots=True)
class _Answers:
    """Of N crops, in their pictures: (N, 98, 2), (N, 3, 3), (N,), and (N, 2, 3) or None."""

    points: Floats
    rotations: Floats
    presence: Floats
    gaze: Floats | None


def evaluate(network: Atpn, samples: list[Sample]) -> Figures:
    """Measure on labelled faces, with crops from their detections."""
    network.eval()
    rng = np.random.default_rng(0)
    crops = [_first_crop(s, rng) for s in samples]
    first = _run(network, samples, crops)
    again = _run(network, samples, [crop_from_landmarks(p) for p in first.points])
    # 0.75 to 1.1 of a side to the left or right: mostly not the face.
    beside = [
        Crop(c.cx + c.side * (-1.0) ** i * (0.75 + 0.05 * (i % 8)), c.cy, c.side)
        for i, c in enumerate(crops)
    ]
    absent = _run(network, samples, beside)

    errors, errors_again = (
        np.array([nme68(p, s.landmarks) for p, s in zip(points, samples, strict=True)])
        for points in (first.points, again.points)
    )
    angles = [
        np.degrees(geometry.angle_between(r, s.rotation))
        for r, s in zip(first.rotations, samples, strict=True)
    ]
    return Figures(
        nme=float(errors.mean()),
        nme_margin=margin(errors),
        nme_again=float(errors_again.mean()),
        fr10=float((errors > 10).mean() * 100),
        auc10=auc10(errors),
        pose_degrees=float(np.mean(angles)),
        presence_auc=ranking(first.presence, absent.presence),
        gaze_degrees=_gaze_error(again.gaze, samples),
    )


def _first_crop(sample: Sample, rng: np.random.Generator) -> Crop:
    """The detector's crop; without a detection one that is off as detectors are."""
    if sample.detection is not None:
        return square_of(sample.detection)
    true = crop_from_landmarks(sample.landmarks, 0.0)
    dx, dy, size = rng.normal(0, (0.03, 0.04, 0.07))
    return Crop(
        true.cx + true.side * float(dx),
        true.cy + true.side * float(dy),
        true.side * float(np.exp(size)),
    )


def _gaze_error(gaze: Floats | None, samples: list[Sample]) -> float:
    if gaze is None:
        return float("nan")
    angles = [
        np.degrees(np.arccos(np.clip(g @ t, -1, 1)))
        for answer, s in zip(gaze, samples, strict=True)
        if s.gaze is not None
        for g, t, is_open in zip(answer, s.gaze, s.eyes_open, strict=True)
        if is_open
    ]
    return float(np.mean(angles)) if angles else float("nan")


def _run(network: Atpn, samples: list[Sample], crops: list[Crop], batch: int = 64) -> _Answers:
    parts: list[tuple[np.ndarray, ...]] = []
    for i in range(0, len(samples), batch):
        pairs = list(zip(samples[i : i + batch], crops[i : i + batch], strict=True))
        pictures = np.stack([cut(s.image, c) for s, c in pairs])
        with torch.inference_mode():
            out = network(torch.from_numpy(pictures))
        upright = np.stack([geometry.about_z(c.angle) for _, c in pairs])
        points = out.landmarks.double().numpy()
        gaze = () if out.gaze is None else (out.gaze.double().numpy() @ upright.transpose(0, 2, 1),)
        parts.append(
            (
                np.stack([c.to_image(p) for (_, c), p in zip(pairs, points, strict=True)]),
                upright @ out.rotation.double().numpy(),
                out.presence.sigmoid().numpy(),
                *gaze,
            )
        )
    points, rotations, presence, *gazes = (np.concatenate(v) for v in zip(*parts, strict=True))
    return _Answers(points, rotations, presence, gazes[0] if gazes else None)


def nme68(predicted: Floats, truth: Floats) -> float:
    """NME in percent of (98, 2) points, over the 68 iBUG points."""
    size = np.linalg.norm(truth[layouts.RIGHT_EYE_OUTER] - truth[layouts.LEFT_EYE_OUTER])
    distance = np.linalg.norm(layouts.to_ibug68(predicted) - layouts.to_ibug68(truth), axis=-1)
    return float(distance.mean() / size * 100)


def auc10(errors: Floats) -> float:
    """Area under the cumulative error curve from 0 to 10 %, over 10 %.

    >>> auc10(np.array([0.0, 5.0, 20.0]))
    0.5
    """
    return float(np.clip(1 - np.asarray(errors) / 10, 0, None).mean())


def margin(values: Floats, rounds: int = 2000) -> float:
    """Half the width of the mean's 95 % interval, by bootstrap with a fixed seed."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (rounds, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(high - low) / 2


def ranking(positive: Floats, negative: Floats) -> float:
    """Area under the ROC curve.

    >>> ranking(np.array([0.9, 0.8]), np.array([0.1, 0.8]))
    0.875
    """
    p, n = positive[:, None], negative[None]
    return float(((p > n) + 0.5 * (p == n)).mean())
