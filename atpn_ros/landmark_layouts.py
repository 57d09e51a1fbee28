# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Landmark layouts: indices and groups of the WFLW-98 points, and conversion to iBUG-68.

"Left" and "right" are the person's own; the person's right is on the image's left.

WFLW-98: 0-32 contour from the person's right ear over the chin (16) to the left ear; 33-41 right
brow (33-37 upper edge from the temple inwards, 38-41 lower edge outwards); 42-50 left brow (42-46
upper edge outwards, 47-50 lower edge inwards); 51-54 nose bridge downwards; 55-59 nose base from
right to left; 60-67 right eye (60 outer corner, 61-63 upper lid, 64 inner corner, 65-67 lower lid);
68-75 left eye (68 inner corner, 69-71 upper lid, 72 outer corner, 73-75 lower lid); 76-87 outer lip
(76 right corner, 79 middle above, 82 left corner, 85 middle below); 88-95 inner lip (88 right
corner, 92 left corner); 96 right and 97 left pupil.
"""

from __future__ import annotations

import numpy as np

from atpn_ros.types import Array

WFLW98 = 98
IBUG68 = 68

RIGHT_EYE_OUTER, RIGHT_EYE_INNER = 60, 64
LEFT_EYE_INNER, LEFT_EYE_OUTER = 68, 72
RIGHT_EYE, LEFT_EYE = tuple(range(60, 68)), tuple(range(68, 76))
RIGHT_MOUTH_CORNER, LEFT_MOUTH_CORNER = 76, 82
RIGHT_PUPIL, LEFT_PUPIL = 96, 97
SELLION = 51


def _ranges(*spans: tuple[int, int] | tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(i for span in spans for i in range(*span))


IBUG68_IN_WFLW98: tuple[int, ...] = (
    *_ranges((0, 33, 2), (33, 38), (42, 47), (51, 60)),
    *(60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75),
    *_ranges((76, 96)),
)
"""For each of the 68 iBUG points its index among the 98."""

HRI70_IN_WFLW98: tuple[int, ...] = (*IBUG68_IN_WFLW98, RIGHT_PUPIL, LEFT_PUPIL)
"""For each of the 70 points of ``hri_msgs/FacialLandmarks`` its index among the 98."""

MIRROR98: tuple[int, ...] = (
    *range(32, -1, -1),
    *(46, 45, 44, 43, 42, 50, 49, 48, 47),
    *(37, 36, 35, 34, 33, 41, 40, 39, 38),
    *(51, 52, 53, 54),
    *(59, 58, 57, 56, 55),
    *(72, 71, 70, 69, 68, 75, 74, 73),
    *(64, 63, 62, 61, 60, 67, 66, 65),
    *(82, 81, 80, 79, 78, 77, 76, 87, 86, 85, 84, 83),
    *(92, 91, 90, 89, 88, 95, 94, 93),
    *(97, 96),
)
"""Point i of a mirrored face is point ``MIRROR98[i]`` of the face."""

POLYLINES98: tuple[tuple[int, ...], ...] = (
    tuple(range(33)),
    (*range(33, 42), 33),
    (*range(42, 51), 42),
    (51, 52, 53, 54),
    (55, 56, 57, 58, 59),
    (*RIGHT_EYE, 60),
    (*LEFT_EYE, 68),
    (*range(76, 88), 76),
    (*range(88, 96), 88),
)
"""Lines that connect the 98 points for drawing."""

GROUPS98: dict[str, tuple[int, ...]] = {
    "contour": tuple(range(33)),
    "brows": tuple(range(33, 51)),
    "nose": tuple(range(51, 60)),
    "eyes": tuple(range(60, 76)),
    "mouth": tuple(range(76, 96)),
    "pupils": (RIGHT_PUPIL, LEFT_PUPIL),
}
"""Points of each part of the face."""

BROW_EDGES98: tuple[tuple[int, int], ...] = (
    (34, 41), (35, 40), (36, 39), (37, 38), (45, 47), (44, 48), (43, 49), (42, 50),
)  # fmt: skip
"""Pairs of upper and lower brow points that lie opposite each other, without the tails."""

_INDEX68 = np.asarray(IBUG68_IN_WFLW98)
_BROWS68 = np.array([IBUG68_IN_WFLW98.index(upper) for upper, _ in BROW_EDGES98])
_EDGES = np.asarray(BROW_EDGES98)


def to_annotated_ibug68(points: Array) -> Array:
    """The (..., 68, D) points as iBUG annotates them, from (..., 98, D) WFLW points.

    As :func:`to_ibug68`, but the brow points lie midway between WFLW's upper and lower brow edge.

    >>> to_annotated_ibug68(np.arange(98.0)[:, None])[[0, 17, 18, 36], 0].tolist()
    [0.0, 33.0, 37.5, 60.0]
    """
    out = points[..., _INDEX68, :].astype(np.float64)
    out[..., _BROWS68, :] = points[..., _EDGES, :].mean(axis=-2)
    return out


def to_ibug68(points: Array) -> Array:
    """The (..., 68, D) iBUG points of (..., 98, D) WFLW points.

    >>> to_ibug68(np.arange(98)[:, None])[[0, 1, 36, 45, 67], 0].tolist()
    [0, 2, 60, 72, 95]
    """
    return points[..., _INDEX68, :]
