# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A mean adult head of 98 3D points, and the position of a head in space from its landmarks.

The mean head comes from ``python -m atpn_ros.learning.studies.mean_head``: the mean of a morphable
head fitted to 82 adults (Face Research Lab London Set), made symmetric. Adult head sizes have a
standard deviation of about 5 %, and so has the estimated depth.
"""

from __future__ import annotations

import math

import numpy as np

from atpn_ros.types import AtpnError, Floats

# fmt: off
MEAN_HEAD: Floats = np.array([
    (-0.0718, -0.0713, -0.0010), (-0.0705, -0.0708, -0.0119), (-0.0689, -0.0700, -0.0226),
    (-0.0663, -0.0680, -0.0325), (-0.0633, -0.0657, -0.0420), (-0.0605, -0.0640, -0.0515),
    (-0.0574, -0.0618, -0.0612), (-0.0534, -0.0581, -0.0716), (-0.0489, -0.0533, -0.0817),
    (-0.0436, -0.0469, -0.0908), (-0.0376, -0.0402, -0.0984), (-0.0309, -0.0348, -0.1031),
    (-0.0238, -0.0292, -0.1063), (-0.0161, -0.0222, -0.1088), (-0.0100, -0.0147, -0.1107),
    (-0.0083, -0.0074, -0.1127), (-0.0086, 0.0000, -0.1139), (-0.0083, 0.0074, -0.1127),
    (-0.0100, 0.0147, -0.1107), (-0.0161, 0.0222, -0.1088), (-0.0238, 0.0292, -0.1063),
    (-0.0309, 0.0348, -0.1031), (-0.0376, 0.0402, -0.0984), (-0.0436, 0.0469, -0.0908),
    (-0.0489, 0.0533, -0.0817), (-0.0534, 0.0581, -0.0716), (-0.0574, 0.0618, -0.0612),
    (-0.0605, 0.0640, -0.0515), (-0.0633, 0.0657, -0.0420), (-0.0663, 0.0680, -0.0325),
    (-0.0689, 0.0700, -0.0226), (-0.0705, 0.0708, -0.0119), (-0.0718, 0.0713, -0.0010),
    (-0.0289, -0.0563, 0.0153), (-0.0183, -0.0478, 0.0228), (-0.0102, -0.0371, 0.0252),
    (-0.0037, -0.0237, 0.0242), (-0.0012, -0.0114, 0.0212), (-0.0012, -0.0114, 0.0137),
    (-0.0037, -0.0237, 0.0167), (-0.0102, -0.0371, 0.0177), (-0.0183, -0.0478, 0.0153),
    (-0.0012, 0.0114, 0.0212), (-0.0037, 0.0237, 0.0242), (-0.0102, 0.0371, 0.0252),
    (-0.0183, 0.0478, 0.0228), (-0.0289, 0.0563, 0.0153), (-0.0183, 0.0478, 0.0153),
    (-0.0102, 0.0371, 0.0177), (-0.0037, 0.0237, 0.0167), (-0.0012, 0.0114, 0.0137),
    (0.0000, 0.0000, 0.0000), (0.0085, 0.0000, -0.0110), (0.0164, 0.0000, -0.0216),
    (0.0234, 0.0000, -0.0343), (0.0006, -0.0120, -0.0498), (0.0062, -0.0058, -0.0498),
    (0.0078, 0.0000, -0.0507), (0.0062, 0.0058, -0.0498), (0.0006, 0.0120, -0.0498),
    (-0.0215, -0.0429, -0.0018), (-0.0145, -0.0371, 0.0022), (-0.0138, -0.0320, 0.0024),
    (-0.0132, -0.0268, 0.0025), (-0.0164, -0.0177, -0.0043), (-0.0146, -0.0262, -0.0055),
    (-0.0153, -0.0315, -0.0054), (-0.0159, -0.0368, -0.0054), (-0.0164, 0.0177, -0.0043),
    (-0.0132, 0.0268, 0.0025), (-0.0138, 0.0320, 0.0024), (-0.0145, 0.0371, 0.0022),
    (-0.0215, 0.0429, -0.0018), (-0.0159, 0.0368, -0.0054), (-0.0153, 0.0315, -0.0054),
    (-0.0146, 0.0262, -0.0055), (-0.0075, -0.0251, -0.0735), (0.0033, -0.0168, -0.0664),
    (0.0087, -0.0072, -0.0634), (0.0098, 0.0000, -0.0642), (0.0087, 0.0072, -0.0634),
    (0.0033, 0.0168, -0.0664), (-0.0075, 0.0251, -0.0735), (-0.0008, 0.0179, -0.0796),
    (0.0041, 0.0102, -0.0824), (0.0056, 0.0000, -0.0832), (0.0041, -0.0102, -0.0824),
    (-0.0008, -0.0179, -0.0796), (-0.0080, -0.0218, -0.0733), (0.0015, -0.0101, -0.0717),
    (0.0034, 0.0000, -0.0723), (0.0015, 0.0101, -0.0717), (-0.0080, 0.0218, -0.0733),
    (0.0006, 0.0107, -0.0728), (0.0029, 0.0000, -0.0730), (0.0006, -0.0107, -0.0728),
    (-0.0237, -0.0308, -0.0000), (-0.0237, 0.0308, -0.0000),
])
# fmt: on
"""(98, 3) metres in the head frame (x out of the face, y to the person's left, z to the scalp)."""

SIZE_SPREAD = 0.05
"""Standard deviation of adult head sizes over their mean."""

_RIGID = np.array([*range(33, 76), 76, 82])
"""Landmarks that expressions move least: brows, nose, eyes and the corners of the mouth."""

_RIGID_POINTS = MEAN_HEAD[_RIGID]
_MEAN = np.full(len(_RIGID), 1 / len(_RIGID))


class PositionError(AtpnError):
    """The landmarks do not determine a position in front of the camera."""


def locate_head(
    rays: Floats, rotation: Floats, sigma: float, scale: float = 1.0
) -> tuple[Floats, Floats]:
    """Estimate the position of the sellion in the camera frame, by linear least squares.

    For each point p of the head, ``rotation @ p + t`` must lie on its ray (x, y, 1):
    ``t_x - x t_z = x p_z - p_x`` and likewise for y. Only the points that
    expressions hardly move are used.

    Args:
        rays: (98, 3) rays (x, y, 1) through the landmarks, camera frame.
        rotation: (3, 3) head to camera.
        sigma: Standard deviation of the rays' x and y.
        scale: Size of the head relative to the mean head.

    Returns:
        (3,) position in metres, and its (3, 3) covariance in square metres: the rays' noise, and
        along the line of sight the variance of head sizes.

    Raises:
        PositionError: The solution is not a finite point in front of the camera.
    """
    # Of n points, with xy and pz the columns above, the normal equations solve in closed form:
    # t_z from how both vary about their means, t_x and t_y from the means.
    points = _RIGID_POINTS @ rotation.T * scale
    xy = rays[_RIGID, :2]
    b = xy * points[:, 2:] - points[:, :2]
    (mx, my), (bx, by) = (_MEAN @ xy).tolist(), (_MEAN @ b).tolist()
    apart = xy - (mx, my)
    spread = float(np.vdot(apart, apart))
    # Compared with the squares themselves, of which it is a small difference.
    if not spread > 1e-12 * len(xy) * (1 + mx * mx + my * my):
        raise PositionError("the landmarks lie on one ray")
    z = -float(np.vdot(apart, b)) / spread
    x, y = bx + mx * z, by + my * z
    if not (math.isfinite(x + y + z) and z > 0):
        raise PositionError("the head would be behind the camera")
    position = np.array([x, y, z])
    # The inverse of the normal matrix. A ray's error moves the point that it meets by about depth
    # times that error.
    towards = np.array([mx, my, 1.0])
    noise = np.outer(towards, towards) / spread
    noise[0, 0] += 1 / len(xy)
    noise[1, 1] += 1 / len(xy)
    size = np.outer(position, position) * SIZE_SPREAD**2
    return position, noise * (sigma * z) ** 2 + size
