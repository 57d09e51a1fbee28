# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""3D geometry: rotation matrices, quaternions, head angles and rays, in radians.

Frames are those of :mod:`atpn_ros.types`. Signs of the head angles, for a person who faces the
camera (REP-103 about the head's own axes):

========  ==============================================================
roll > 0  the head tilts towards its right shoulder (the scalp moves to the image's left)
pitch > 0 the nose goes down
yaw > 0   the nose turns to the person's left (to the image's right)
========  ==============================================================
"""

from __future__ import annotations

import math

import numpy as np

from atpn_ros.types import Floats, HeadPose

_NEWTON_STEPS = 12

FACING = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0]])
"""Head to camera, for a head that looks straight into the camera (x -> -z, y -> x, z -> -y)."""


def roll_pitch_yaw(rotation: Floats) -> tuple[float, float, float]:
    """Fixed-axis roll, pitch and yaw of a head, 0 when it looks straight into the camera.

    ``FACING.T @ rotation = Rz(yaw) Ry(pitch) Rx(roll)`` (REP-103 order). At pitch = +-90 degrees
    roll is 0 and yaw holds the remaining rotation.

    Args:
        rotation: (3, 3) head to camera.

    >>> roll_pitch_yaw(FACING)
    (0.0, 0.0, 0.0)
    """
    r = FACING.T @ rotation
    pitch = float(np.arcsin(np.clip(0.0 - r[2, 0], -1.0, 1.0)))  # 0, not -0, straight ahead
    if abs(r[2, 0]) > 1 - 1e-9:
        return 0.0, pitch, float(np.arctan2(-r[0, 1], r[1, 1]))
    return float(np.arctan2(r[2, 1], r[2, 2])), pitch, float(np.arctan2(r[1, 0], r[0, 0]))


def head_angles(pose: HeadPose) -> tuple[float, float, float]:
    """Roll, pitch and yaw of a head, 0 for an upright person who looks straight into the camera.

    With a camera that is mounted rotated, they are those in the picture that is turned upright.
    """
    if not pose.upright:
        return roll_pitch_yaw(pose.rotation)
    return roll_pitch_yaw(about_z(math.radians(pose.upright)) @ pose.rotation)


def head_rotation(roll: float, pitch: float, yaw: float) -> Floats:
    """(3, 3) head to camera; the inverse of :func:`roll_pitch_yaw`."""
    return FACING @ about_z(yaw) @ about_y(pitch) @ about_x(roll)


def about_x(angle: float) -> Floats:
    """(3, 3) right-handed rotation about x."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def about_y(angle: float) -> Floats:
    """(3, 3) right-handed rotation about y."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def about_z(angle: float) -> Floats:
    """(3, 3) right-handed rotation about z."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def rotation_to_ray(ray: Floats) -> Floats:
    """(3, 3) the smallest rotation that takes the optical axis (0, 0, 1) onto a ray.

    A face that looks down the ray into the lens looks frontal in its crop, wherever in the image
    the crop lies; this rotation turns what the crop shows into the camera frame.

    Args:
        ray: (3,) with z > 0, any length.

    Raises:
        ValueError: The ray does not point forward.
    """
    x, y, z = ray.tolist()
    norm = math.sqrt(x * x + y * y + z * z)
    if not z > 0:
        raise ValueError("the ray must point forward")
    x, y, z = x / norm, y / norm, z / norm
    # Rodrigues with the axis (0, 0, 1) x ray: I + [v] + [v]^2 / (1 + cos), written out.
    w = 1.0 / (1.0 + z)
    return np.array([[1 - x * x * w, -x * y * w, x], [-x * y * w, 1 - y * y * w, y], [-x, -y, z]])


def nearest_rotation(matrix: Floats) -> Floats:
    """(3, 3) the rotation closest to a matrix (orthogonal Procrustes).

    By Newton's iteration for the polar decomposition (Higham 1986), in plain numbers: after a
    network has run, numpy's decomposition is no longer in the CPU cache.
    """
    m = matrix.ravel().tolist()
    for _ in range(_NEWTON_STEPS):
        a, b, c, d, e, f, g, h, i = m
        cofactors = (
            e * i - f * h, f * g - d * i, d * h - e * g,
            c * h - b * i, a * i - c * g, b * g - a * h,
            b * f - c * e, c * d - a * f, a * e - b * d,
        )  # fmt: skip
        det = a * cofactors[0] + b * cofactors[1] + c * cofactors[2]
        if not det > 1e-3:  # flat, a reflection, or not a number
            break
        half = 0.5 / det
        m = [0.5 * x + half * y for x, y in zip(m, cofactors, strict=True)]
        # What is left of the error is the square of this step.
        if max(abs(x - y) for x, y in zip(m, (a, b, c, d, e, f, g, h, i), strict=True)) < 1e-8:
            return np.array(m).reshape(3, 3)
    u, _, vt = np.linalg.svd(matrix)
    out: Floats = u @ vt
    (a, b, c), (d, e, f), (g, h, i) = out.tolist()
    if a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0:  # a reflection
        out = (u * (1.0, 1.0, -1.0)) @ vt
    return out


def angle_between(a: Floats, b: Floats) -> float:
    """The angle of the rotation from a to b, both (3, 3)."""
    return float(np.arccos(np.clip((np.trace(a.T @ b) - 1) / 2, -1.0, 1.0)))


def quaternion(rotation: Floats) -> tuple[float, float, float, float]:
    """Unit quaternion (x, y, z, w), w >= 0, of a (3, 3) rotation (Shepperd's method).

    >>> quaternion(np.eye(3))
    (0.0, 0.0, 0.0, 1.0)
    """
    m = rotation
    diagonal = np.array([m[0, 0], m[1, 1], m[2, 2], np.trace(m)])
    i = int(np.argmax(diagonal))
    q = np.empty(4)
    if i == 3:
        q[:] = m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], 1 + diagonal[3]
    else:
        j, k = (i + 1) % 3, (i + 2) % 3
        q[i] = 1 + m[i, i] - m[j, j] - m[k, k]
        q[j] = m[j, i] + m[i, j]
        q[k] = m[k, i] + m[i, k]
        q[3] = m[k, j] - m[j, k]
    q /= np.linalg.norm(q)
    x, y, z, w = (float(v) for v in (q if q[3] >= 0 else -q))
    return x, y, z, w


def rotation_from_quaternion(x: float, y: float, z: float, w: float) -> Floats:
    """(3, 3) rotation of a unit quaternion; the inverse of :func:`quaternion`."""
    v = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    out: Floats = np.eye(3) + 2 * w * v + 2 * v @ v
    return out


def rotation_from_direction(direction: Floats) -> Floats:
    """(3, 3) a rotation whose z axis is a unit direction and whose x axis is level.

    Level means: without a component along the camera's y. For ``gaze_<id>``, where only z matters.
    """
    z = direction / np.linalg.norm(direction)
    x = np.cross((0.0, 1.0, 0.0), z)
    norm = np.linalg.norm(x)
    x = x / norm if norm > 1e-6 else np.array([1.0, 0.0, 0.0])
    return np.stack([x, np.cross(z, x), z], axis=1)
