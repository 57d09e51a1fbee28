# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Observations of faces: the network's output for crops, checked and in image coordinates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from atpn_ros.crop import Crop, crop_from_landmarks, cut_batch
from atpn_ros.engines.base import Engine, NetworkOutput
from atpn_ros.odds import log_odds, probability
from atpn_ros.pipeline.track import Observation
from atpn_ros.types import Image

_DARK = 6.0
"""Crops whose brightest channel has a mean below this, of 255, are too dark to show a face."""

_FAR = 1.5
"""An output with landmarks further than this from the crop's centre, in crop sides, is invalid."""


def observations_of(
    output: NetworkOutput | None,
    crops: Sequence[Crop],
    batch: Image | None,
    evidence: Mapping[Crop, float],
) -> list[Observation]:
    """The network's output in image coordinates; invalid outputs and dark crops count as no face.

    The shipped weights report no face in dark crops themselves; a model given by path may not have
    been trained on a covered lens.

    Args:
        output: For the crops; None if there are none.
        crops: In image coordinates.
        batch: (N, S, S, 3) the crops' pixels.
        evidence: Of the detections that crops come from.
    """
    if output is None or batch is None:
        return []
    return [
        Observation(
            crop.to_image(output.landmarks[i]),
            float(output.presence[i]),
            i,
            evidence.get(crop, 0.0),
        )
        if max(cv2.mean(batch[i])) > _DARK and _is_valid(output, i)
        else Observation(np.full((98, 2), np.nan), 0.0, i)
        for i, crop in enumerate(crops)
    ]


def observed_again(
    observations: Sequence[Observation],
    uncertain: Sequence[int],
    image: Image,
    reduction: int,
    engine: Engine,
) -> list[Observation]:
    """The same observations; uncertain ones get the presence of two crops.

    The second crop is that of the landmarks in the first: it fits the face better than the crop of
    a detection. The log odds of both crops are averaged.

    Args:
        observations: Of one frame.
        uncertain: Indices of those to run the network on once more.
        image: Of the frame, reduced.
        reduction: By how much.
        engine: Runs the network.

    Raises:
        BackendError: The engine failed.
    """
    out = list(observations)
    if uncertain:
        crops = [crop_from_landmarks(observations[i].landmarks) for i in uncertain]
        batch = cut_batch(image, [c.reduced(reduction) for c in crops])
        again = observations_of(engine.run(batch), crops, batch, {})
        for i, second in zip(uncertain, again, strict=True):
            mean = (log_odds(out[i].presence) + log_odds(second.presence)) / 2
            out[i] = replace(out[i], presence=probability(mean))
    return out


def _is_valid(output: NetworkOutput, i: int) -> bool:
    """Whether the output for a crop is finite, and its landmarks lie near the crop.

    In plain numbers: a numpy function is slowest when it is called for the first time in a frame.
    """
    points = output.landmarks[i].ravel().tolist()
    parts = [*points, *output.rotation[i].ravel().tolist(), float(output.presence[i])]
    parts += [] if output.sigma is None else output.sigma[i].tolist()
    # A sum is finite only if all its parts are.
    return math.isfinite(sum(parts)) and min(points) > 0.5 - _FAR and max(points) < 0.5 + _FAR
