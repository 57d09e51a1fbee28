# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Share of landmarks and gaze directions that lie within what their estimated spread predicts.

A spread is the expected distance, or angle, between an estimate and the truth. If errors have an
isotropic Laplace distribution in two dimensions, their distances have a Gamma distribution of shape
2, and 90 % of them lie below 1.945 times the mean distance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.evaluation.angle_metrics import direction_error, labelled_eyes
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.types import Floats

RADIUS_90 = 1.945
"""The radius that holds 90 %, over the mean distance."""


def points_within(points: Floats, sigma: Floats, truth: Floats) -> Estimate | None:
    """Percent of the landmarks within their own 90 % circle, by face.

    Args:
        points: (N, K, 2) predicted, pixels.
        sigma: (N, K) their spreads, pixels.
        truth: (N, K, 2) labelled, pixels.
    """
    inside = np.linalg.norm(points - truth, axis=-1) <= RADIUS_90 * sigma
    return estimate(100.0 * inside.mean(axis=1))


def gaze_within(gaze: Floats, sigma: Floats, faces: Sequence[LabelledFace]) -> Estimate | None:
    """Percent of the directions of eyes that are seen within their own 90 % cone.

    Args:
        gaze: (N, 2, 3) predicted unit directions in the crop's own camera.
        sigma: (N, 2) their spreads, radians.
        faces: The N faces.
    """
    inside = [
        direction_error(gaze[i, eye], faces[i].gaze, eye) <= np.degrees(RADIUS_90 * sigma[i, eye])
        for i, eye in labelled_eyes(faces)
    ]
    return estimate(100.0 * np.array(inside))
