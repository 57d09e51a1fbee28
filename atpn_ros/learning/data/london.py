# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the Face Research Lab London Set: photographs and points, mapped to the 98 landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from atpn_ros.learning.data.asset_error import AssetError
from atpn_ros.learning.data.polyline import arc_length, points_at
from atpn_ros.types import Floats, Image

TEMPLATE_POINTS = 189

_JAW = (109, 110, 111, 125, 126, 127, 128, 129, 130, 131, 132, 133, 114, 113, 112)
_RIGHT_BROW = ((71, 72, 73, 74, 75, 76), (71, 83, 84, 76))
_LEFT_BROW = ((82, 81, 80, 79, 78, 77), (82, 86, 85, 77))
_LIDS = (
    (60, (18, 19, 20, 21, 22)),
    (64, (22, 30, 29, 28, 18)),
    (68, (23, 24, 25, 26, 27)),
    (72, (27, 33, 32, 31, 23)),
)
_LIPS = {
    **dict(zip(range(76, 83), range(87, 94), strict=True)),
    **dict(zip(range(83, 88), range(108, 103, -1), strict=True)),
}
BROW_UPPER, BROW_LOWER = (0.0, 0.25, 0.5, 0.72, 0.9), (0.1, 0.34, 0.58, 0.82)
"""Shares of a brow's upper edge (from the temple) and lower edge (from the nose) for WFLW-98."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """One person: the photograph, BGR, and the (189, 2) points in its pixels."""

    name: str
    image: Image
    points: Floats


def load(folder: Path) -> list[Portrait]:
    """All portraits of a folder, by name.

    Raises:
        AssetError: There is none, or one cannot be read.
    """
    files = sorted(folder.glob("*.jpg"))
    if not files:
        raise AssetError(f"{folder}: no portraits (*.jpg)")
    return [load_one(path) for path in files]


def load_one(path: Path) -> Portrait:
    """The portrait of a photograph, with the template beside it.

    Raises:
        AssetError: One of them cannot be read.
    """
    image = cv2.imread(str(path))
    if image is None:
        raise AssetError(f"{path}: not an image that can be read")
    points = read_template(path.with_suffix(".tem"))
    return Portrait(path.stem, np.asarray(image, np.uint8), points)


def read_template(path: Path) -> Floats:
    """(189, 2) pixels of a ``.tem`` file.

    Raises:
        AssetError: The file cannot be read or does not hold 189 points.
    """
    try:
        lines = path.read_text().splitlines()
        count = int(lines[0])
        points = np.array([[float(x) for x in line.split()] for line in lines[1 : count + 1]])
    except (OSError, ValueError, IndexError) as error:
        raise AssetError(f"{path}: not a template: {error}") from error
    if points.shape != (TEMPLATE_POINTS, 2):
        raise AssetError(f"{path}: expected 189 points, found {points.shape}")
    return points


def to_wflw98(template: Floats) -> Floats:
    """(98, 2) WFLW points of (189, 2) template points.

    The lids' points between the corners are at thirds and the middle of the lid, so that iBUG's
    points are a subset. Contour points are evenly spaced along the drawn contour.
    """
    t = template
    out = np.empty((98, 2))
    out[0:33] = along(t[list(_JAW)], np.linspace(0, 1, 33))
    for first, (upper, lower) in ((33, _RIGHT_BROW), (42, _LEFT_BROW)):
        up, low = along(t[list(upper)], BROW_UPPER), along(t[list(lower)][::-1], BROW_LOWER)
        brow = np.concatenate([up, low])
        # The left brow is numbered from the nose outwards.
        out[first : first + 9] = brow if first == 33 else brow[[4, 3, 2, 1, 0, 8, 7, 6, 5]]
    root, tip = t[[50, 56]].mean(axis=0), t[[54, 60]].mean(axis=0)
    bridge = np.stack([root, *(t[[a, a + 6]].mean(axis=0) for a in (51, 52, 53)), tip])
    out[51:55] = along(bridge, np.linspace(0, 1, 4))
    out[55], out[57], out[59] = t[[63, 64]].mean(axis=0), t[55], t[[68, 69]].mean(axis=0)
    out[56], out[58] = t[[64, 55]].mean(axis=0), t[[69, 55]].mean(axis=0)
    for first, line in _LIDS:
        out[[first, first + 1, first + 2, first + 3]] = along(
            t[list(line)], (0, 1 / 3, 1 / 2, 2 / 3)
        )
    for i, j in _LIPS.items():
        out[i] = t[j]
    rim, under = t[[87, 94, 95, 96, 97, 98, 93]], t[[87, 99, 100, 101, 102, 103, 93]]
    out[88], out[92] = (rim[0] + rim[1]) / 2, (rim[-1] + rim[-2]) / 2
    out[89:92], out[93:96] = rim[2:5], under[[4, 3, 2]]
    out[96], out[97] = t[0], t[1]
    return out


def along(line: Floats, shares: Floats | tuple[float, ...]) -> Floats:
    """Points at shares (0..1) of a line's length."""
    length = arc_length(line)
    return points_at(line, length, np.asarray(shares) * length[-1])
