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
    """

    nme: float
    nme_margin: float
    nme_again: float
    fr10: float
    auc10: float
    pose_degrees: float
    presence_auc: float


def evaluate(network: Atpn, samples: list[Sample]) -> Figures:
    """Measure on labelled faces, with crops from their detections."""
    network.eval()
    first = [square_of(s.detection) for s in samples if s.detection is not None]
    faces = [s for s in samples if s.detection is not None]
    points, rotations, presence = _run(network, faces, first)
    again = [crop_from_landmarks(p) for p in points]
    points_again, _, _ = _run(network, faces, again)
    beside = [
        Crop(c.cx + c.side * dx, c.cy, c.side) for c, dx in zip(first, _sides(), strict=False)
    ]
    _, _, absent = _run(network, faces[: len(beside)], beside)

    errors = np.array([nme68(p, s.landmarks) for p, s in zip(points, faces, strict=True)])
    errors_again = np.array(
        [nme68(p, s.landmarks) for p, s in zip(points_again, faces, strict=True)]
    )
    angles = [
        np.degrees(geometry.angle_between(r, s.rotation))
        for r, s in zip(rotations, faces, strict=True)
    ]
    return Figures(
        nme=float(errors.mean()),
        nme_margin=margin(errors),
        nme_again=float(errors_again.mean()),
        fr10=float((errors > 10).mean() * 100),
        auc10=auc10(errors),
        pose_degrees=float(np.mean(angles)),
        presence_auc=ranking(presence, absent),
    )


def _sides() -> list[float]:
    return [(-1.0) ** i * (0.75 + 0.05 * (i % 8)) for i in range(100_000)]


def _run(
    network: Atpn, samples: list[Sample], crops: list[Crop], batch: int = 64
) -> tuple[list[Floats], list[Floats], Floats]:
    points: list[Floats] = []
    rotations: list[Floats] = []
    presence: list[Floats] = []
    for i in range(0, len(samples), batch):
        part = crops[i : i + batch]
        pictures = np.stack(
            [cut(s.image, c) for s, c in zip(samples[i : i + batch], part, strict=True)]
        )
        with torch.inference_mode():
            out = network(torch.from_numpy(pictures))
        points += [c.to_image(p) for c, p in zip(part, out.landmarks.double().numpy(), strict=True)]
        rotations += [
            geometry.about_z(c.angle) @ r
            for c, r in zip(part, out.rotation.double().numpy(), strict=True)
        ]
        presence.append(out.presence.sigmoid().numpy())
    return points, rotations, np.concatenate(presence)


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
