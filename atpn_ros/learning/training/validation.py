# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Validates a network during training: landmark error, rotation error and gaze error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from atpn_ros import geometry, landmark_layouts
from atpn_ros.crop import Crop, crop_from_landmarks, cut
from atpn_ros.detectors.base import square_of
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.networks.atpn import Atpn, AtpnOutput
from atpn_ros.types import Floats


@dataclass(frozen=True, slots=True)
class ValidationMetrics:
    """Mean errors over one set of faces, on crops placed by a first prediction, as in tracking.

    Attributes:
        nme: Landmark error over iBUG's 68 points, percent of the distance of the outer eye corners.
        degrees: Angle between predicted and true rotation; NaN without labels.
        gaze: Degrees between predicted and true gaze of visible eyes; NaN without labels.
    """

    nme: float
    degrees: float
    gaze: float

    def __str__(self) -> str:
        return f"nme {self.nme:.2f}  rotation {self.degrees:.2f}  gaze {self.gaze:.2f}"


def validate(network: Atpn, samples: list[LabelledFace], batch: int = 50) -> ValidationMetrics:
    """Evaluate a network on labelled faces; leaves it in evaluation mode."""
    parts = [_errors(network, samples[i : i + batch]) for i in range(0, len(samples), batch)]
    columns = zip(*parts, strict=True)
    return ValidationMetrics(*(_mean([v for part in column for v in part]) for column in columns))


def first_crop(sample: LabelledFace) -> Crop:
    """The crop of the detector's box, or around the true landmarks if there is none."""
    if sample.detection is not None:
        return square_of(sample.detection)
    return crop_from_landmarks(sample.landmarks, 0.0)


def _errors(
    network: Atpn, samples: list[LabelledFace]
) -> tuple[list[float], list[float], list[float]]:
    """NME, rotation errors and gaze errors of a batch, as in :class:`ValidationMetrics`."""
    crops = [first_crop(s) for s in samples]
    out = _predict(network, samples, crops)
    points = out.landmarks.double().cpu().numpy()
    crops = [crop_from_landmarks(c.to_image(p)) for c, p in zip(crops, points, strict=True)]
    out = _predict(network, samples, crops)
    points = out.landmarks.double().cpu().numpy()
    rotations = out.rotation.double().cpu().numpy()
    gazes = None if out.gaze is None else out.gaze.double().cpu().numpy()
    nme, degrees, gaze = [], [], []
    for i, (sample, crop) in enumerate(zip(samples, crops, strict=True)):
        turn = geometry.about_z(crop.angle)
        nme.append(annotated_nme(crop.to_image(points[i]), sample))
        if sample.rotation is not None:
            angle = geometry.angle_between(turn @ rotations[i], sample.rotation)
            degrees.append(float(np.degrees(angle)))
        if gazes is not None and sample.gaze is not None:
            cosines = (gazes[i] @ turn.T * sample.gaze).sum(-1)
            angles = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
            gaze += [float(a) for a, o in zip(angles, sample.eyes_seen, strict=True) if o]
    return nme, degrees, gaze


def annotated_nme(predicted: Floats, sample: LabelledFace) -> float:
    """NME in percent of (98, 2) points, over iBUG's 68; the distance of the eyes is 100."""
    truth = sample.landmarks
    wanted = (
        landmark_layouts.to_ibug68(truth)
        if sample.brow_middles
        else landmark_layouts.to_annotated_ibug68(truth)
    )
    size = np.linalg.norm(
        truth[landmark_layouts.RIGHT_EYE_OUTER] - truth[landmark_layouts.LEFT_EYE_OUTER]
    )
    distance = np.linalg.norm(landmark_layouts.to_annotated_ibug68(predicted) - wanted, axis=-1)
    return float(distance.mean() / size * 100)


def _predict(network: Atpn, samples: list[LabelledFace], crops: list[Crop]) -> AtpnOutput:
    pictures = np.stack([cut(s.image, c) for s, c in zip(samples, crops, strict=True)])
    device = next(network.parameters()).device
    network.eval()
    with torch.inference_mode():
        out: AtpnOutput = network(torch.from_numpy(pictures).to(device))
    return out


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
