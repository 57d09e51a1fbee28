# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Head pose and gaze accuracy: errors by axis, by yaw, and angles between directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.data.datasets.aflw import rotation_of
from atpn_ros.learning.data.labelled_face import LabelledFace
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
class PoseMetrics:
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


def pose_errors(rotation: Floats, faces: Sequence[LabelledFace]) -> Floats:
    """(N,) degrees between (N, 3, 3) and the faces' rotations; NaN where a face has none."""
    return np.array([
        np.nan if f.rotation is None else np.degrees(geometry.angle_between(r, f.rotation))
        for r, f in zip(rotation, faces, strict=True)
    ])  # fmt: skip


def turns(faces: Sequence[LabelledFace]) -> Floats:
    """(N,) degrees by which each face is turned to a side; NaN where that is not known."""
    return np.array([
        np.nan if f.rotation is None
        else abs(np.degrees(geometry.roll_pitch_yaw(f.rotation)[2]))
        for f in faces
    ])  # fmt: skip


def by_yaw(values: Floats, faces: Sequence[LabelledFace]) -> dict[str, Estimate | None]:
    """The mean of (N,) values in each of :data:`YAW_BINS`."""
    turned = turns(faces)
    return {
        name: estimate(values[(turned >= low) & (turned <= high)])
        for name, (low, high) in YAW_BINS.items()
    }


def pitch_yaw_roll(rotation: Floats) -> tuple[float, float, float]:
    """Angles in the order of AFLW2000-3D and BIWI: ``Rx(pitch) Ry(yaw) Rz(roll)``, radians.

    The signs are those of :func:`atpn_ros.learning.data.datasets.aflw.rotation_of`. Yaw is within
    90 degrees to either side.

    Args:
        rotation: (3, 3) head to camera.
    """
    m = np.diag([1.0, -1.0, -1.0]) @ rotation @ rotation_of(0.0, 0.0, 0.0).T
    m = m @ np.diag([1.0, -1.0, -1.0])
    yaw = float(np.arcsin(np.clip(-m[0, 2], -1.0, 1.0)))
    return float(np.arctan2(m[1, 2], m[2, 2])), yaw, float(np.arctan2(m[0, 1], m[0, 0]))


def pose_metrics(
    rotation: Floats, faces: Sequence[LabelledFace], published_angles: bool = False
) -> PoseMetrics | None:
    """Errors of (N, 3, 3) rotations; None where no face has a known one.

    Faces tagged ``steep`` (AFLW2000-3D beyond 99 degrees) are left out.

    Args:
        rotation: (N, 3, 3) predicted, head to the crop's own camera.
        faces: The N faces.
        published_angles: Whether errors by axis are those of :func:`pitch_yaw_roll`, which data
            sets of head pose publish, rather than of :func:`atpn_ros.geometry.roll_pitch_yaw`.
    """
    known = [i for i, f in enumerate(faces) if f.rotation is not None and "steep" not in f.tags]
    if not known:
        return None
    faces = [faces[i] for i in known]
    rotation = rotation[known]
    angles = pitch_yaw_roll if published_angles else geometry.roll_pitch_yaw
    wanted = np.array([angles(f.rotation) for f in faces if f.rotation is not None])
    got = np.array([angles(r) for r in rotation])
    off = _apart(got, wanted)
    if published_angles:
        # The same rotation has two triples of angles: take the one that is nearer to the label.
        other = _apart(got * (1, -1, 1) + np.pi, wanted)
        off = np.where((other.sum(axis=1) < off.sum(axis=1))[:, None], other, off)
        off = off[:, [2, 0, 1]]
    roll, pitch, yaw = (estimate(off[:, i]) for i in range(3))
    angle = pose_errors(rotation, faces)
    return PoseMetrics(roll, pitch, yaw, estimate(angle), by_yaw(angle, faces))


def _apart(a: Floats, b: Floats) -> Floats:
    """Absolute differences of angles in degrees, at most 180."""
    return np.asarray(np.degrees(np.abs((a - b + np.pi) % (2 * np.pi) - np.pi)))


def gaze_metrics(
    gaze: Floats | None, rotation: Floats | None, faces: Sequence[LabelledFace]
) -> dict[str, Estimate]:
    """Degrees between directions: ``eyes`` of open eyes that are seen, ``head`` by the face's axis.

    The second is what a model without a gaze head gives, for the same eyes. ``eyes, hidden too``
    counts every open eye, also behind hair, dark glasses, a hand or the nose. ``eyes, too low`` is
    the mean angle by which directions point further down than the true ones.
    """
    along = None if rotation is None else np.repeat(rotation[:, None, :, 0], 2, axis=1)
    directions_of = {
        "eyes": (gaze, True),
        "head": (along, True),
        "eyes, hidden too": (gaze, False),
    }
    out = {}
    for name, (directions, only_seen) in directions_of.items():
        chosen = labelled_eyes(faces, only_seen)
        if directions is None or not chosen:
            continue
        found = estimate(
            np.array([direction_error(directions[i, e], faces[i].gaze, e) for i, e in chosen])
        )
        if found is not None:
            out[name] = found
        if name == "eyes":
            low = estimate(
                np.array([_too_low(directions[i, e], faces[i].gaze, e) for i, e in chosen])
            )
            if low is not None:
                out["eyes, too low"] = low
    return out


def labelled_eyes(faces: Sequence[LabelledFace], only_seen: bool = True) -> list[tuple[int, int]]:
    """Face and eye (0 right, 1 left) of all open eyes with a labelled gaze.

    Args:
        faces: The faces.
        only_seen: Without eyes that are hidden by hair, a hand, glasses or the nose.
    """
    return [
        (i, eye)
        for i, f in enumerate(faces)
        if f.gaze is not None
        for eye in range(2)
        if (f.eyes_seen if only_seen else f.eyes_open)[eye]
    ]


def _too_low(direction: Floats, truth: Floats | None, eye: int) -> float:
    if truth is None:
        return float("nan")
    down = [float(v[1] / np.linalg.norm(v)) for v in (direction, truth[eye])]
    return float(np.degrees(np.arcsin(np.clip(down, -1.0, 1.0)) @ (1, -1)))


def direction_error(direction: Floats, truth: Floats | None, eye: int) -> float:
    """Degrees between a (3,) direction and that of one of (2, 3) eyes; NaN without a truth."""
    if truth is None:
        return float("nan")
    a, b = direction / np.linalg.norm(direction), truth[eye] / np.linalg.norm(truth[eye])
    return float(np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0))))
