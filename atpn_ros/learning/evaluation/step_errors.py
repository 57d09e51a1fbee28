# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Jitter of moving and of still faces: errors of the movement from one frame to the next.

Constant offsets between landmark conventions, and between head frames, cancel out. Smoothing that
lags behind a moving face counts as error, smoothing of a still face does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.types import Box, Floats


@dataclass(frozen=True, slots=True)
class FaceShape:
    """Landmarks and rotation of a face in one frame.

    Attributes:
        points: (N, 2) pixels.
        rotation: (3, 3), from the head to the camera, up to a rotation of the head frame that is
            constant for one face.
    """

    points: Floats
    rotation: Floats

    @property
    def box(self) -> Box:
        """The tight box of the points."""
        return Box.around(self.points)


class StepError(NamedTuple):
    """Errors of one step of one face.

    Attributes:
        points: Mean distance between the steps of the points, percent of the face's size: the
            square root of the area of its box.
        rotation: Angle between the rotations of the steps, degrees.
    """

    points: float
    rotation: float


@dataclass(frozen=True, slots=True)
class Jitter:
    """Mean step errors; None where there is no step.

    Attributes:
        points: Percent of the face's size.
        rotation: Degrees.
    """

    points: Estimate | None
    rotation: Estimate | None


def step_error(
    before: FaceShape, after: FaceShape, true_before: FaceShape, true_after: FaceShape
) -> StepError:
    """Error of a step against the true one."""
    box = true_after.box
    apart = (after.points - before.points) - (true_after.points - true_before.points)
    step = after.rotation @ before.rotation.T
    true_step = true_after.rotation @ true_before.rotation.T
    return StepError(
        float(np.linalg.norm(apart, axis=-1).mean() / np.sqrt(box.width * box.height) * 100),
        float(np.degrees(geometry.angle_between(step, true_step))),
    )


def still_step(before: FaceShape, after: FaceShape) -> StepError:
    """Error of a step of a face that does not move."""
    return step_error(before, after, after, after)


def common_jitter(steps: Iterable[Mapping[tuple[object, ...], StepError]]) -> list[Jitter]:
    """The jitter of each system over the steps that all of them have, by the steps' keys."""
    of_systems = list(steps)
    keys = sorted(set.intersection(*(set(s) for s in of_systems)), key=repr)
    return [
        Jitter(
            estimate(np.array([s[key].points for key in keys])),
            estimate(np.array([s[key].rotation for key in keys])),
        )
        for s in of_systems
    ]
