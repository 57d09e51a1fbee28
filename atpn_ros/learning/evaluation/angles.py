# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of directions: the head's pose by axis and by turn, the eyes' gaze."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.evaluation.faces import Face
from atpn_ros.learning.evaluation.statistics import Estimate, estimate
from atpn_ros.types import Floats

YAW_BINS: Mapping[str, tuple[float, float]] = {
    "0-30": (0.0, 30.0),
    "30-60": (30.0, 60.0),
    "60-90": (60.0, 90.0),
    "0-60": (0.0, 60.0),
}
"""Degrees of turn to either side; the last joins the first two."""


@dataclass(frozen=True, slots=True)
class PoseFigures:
    """Degrees.

    Attributes:
        roll: Mean absolute error of the angle, as are the next two.
        pitch: See roll.
        yaw: See roll.
        angle: Mean angle between the estimated and the true rotation.
        by_yaw: The same for each of :data:`YAW_BINS`.
    """

    roll: Estimate | None
    pitch: Estimate | None
    yaw: Estimate | None
    angle: Estimate | None
    by_yaw: Mapping[str, Estimate | None]


def pose_errors(rotation: Floats, faces: Sequence[Face]) -> Floats:
    """(N,) degrees between (N, 3, 3) and the faces' rotations; NaN where a face has none."""
    return np.array([
        np.nan if f.rotation is None else np.degrees(geometry.angle_between(r, f.rotation))
        for r, f in zip(rotation, faces, strict=True)
    ])  # fmt: skip


def turns(faces: Sequence[Face]) -> Floats:
    """(N,) degrees by which each face is turned to a side; NaN where that is not known."""
    return np.array([
        np.nan if f.rotation is None
        else abs(np.degrees(geometry.roll_pitch_yaw(f.rotation)[2]))
        for f in faces
    ])  # fmt: skip


def by_yaw(values: Floats, faces: Sequence[Face]) -> dict[str, Estimate | None]:
    """The mean of (N,) values in each of :data:`YAW_BINS`."""
    turned = turns(faces)
    return {
        name: estimate(values[(turned >= low) & (turned <= high)])
        for name, (low, high) in YAW_BINS.items()
    }


def pose_figures(rotation: Floats, faces: Sequence[Face]) -> PoseFigures | None:
    """Of (N, 3, 3) rotations; None where no face has a known one."""
    known = [i for i, f in enumerate(faces) if f.rotation is not None]
    if not known:
        return None
    faces = [faces[i] for i in known]
    rotation = rotation[known]
    wanted = np.array(
        [geometry.roll_pitch_yaw(f.rotation) for f in faces if f.rotation is not None]
    )
    got = np.array([geometry.roll_pitch_yaw(r) for r in rotation])
    off = np.degrees(np.abs((got - wanted + np.pi) % (2 * np.pi) - np.pi))
    roll, pitch, yaw = (estimate(off[:, i]) for i in range(3))
    angle = pose_errors(rotation, faces)
    return PoseFigures(roll, pitch, yaw, estimate(angle), by_yaw(angle, faces))


def gaze_figures(
    gaze: Floats | None, rotation: Floats | None, faces: Sequence[Face]
) -> dict[str, Estimate]:
    """Degrees between directions: ``eyes`` of open eyes that are seen, ``head`` by the face's axis.

    The second is what a model without a gaze head gives, for the same eyes. ``eyes, hidden too``
    counts every open eye, also behind hair, dark glasses, a hand or the nose.
    """
    along = None if rotation is None else np.repeat(rotation[:, None, :, 0], 2, axis=1)
    told = {
        "eyes": (gaze, True),
        "head": (along, True),
        "eyes, hidden too": (gaze, False),
    }
    out = {}
    for name, (directions, only_seen) in told.items():
        chosen = [
            (i, eye)
            for i, f in enumerate(faces)
            if f.gaze is not None
            for eye in range(2)
            if (f.eyes_seen if only_seen else f.eyes_open)[eye]
        ]
        if directions is None or not chosen:
            continue
        found = estimate(
            np.array([_between(directions[i, e], faces[i].gaze, e) for i, e in chosen])
        )
        if found is not None:
            out[name] = found
    return out


def _between(direction: Floats, truth: Floats | None, eye: int) -> float:
    if truth is None:
        return float("nan")
    a, b = direction / np.linalg.norm(direction), truth[eye] / np.linalg.norm(truth[eye])
    return float(np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0))))
