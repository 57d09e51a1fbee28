# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Computes the mean adult head of ``pipeline/head_model.py`` from hand-placed landmarks.

``python -m atpn_ros.learning.studies.mean_head ICT LONDON``

The ICT head is fitted to the hand-placed points of frontal, neutral adults; the mean of the fitted
identities, made symmetric, is printed in metres.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from atpn_ros import landmark_layouts
from atpn_ros.learning.data.head_point_model import fit, load_points
from atpn_ros.learning.data.london import read_template
from atpn_ros.types import Floats

_TEMPLATE = {
    36: (18,), 37: (19, 20), 38: (20, 21), 39: (22,), 41: (28, 29), 40: (29, 30), 42: (23,),
    43: (24, 25), 44: (25, 26), 45: (27,), 47: (31, 32), 46: (32, 33), 27: (50, 56), 33: (55,),
    31: (64,), 35: (69,), 48: (87,), 49: (88,), 50: (89,), 51: (90,), 52: (91,), 53: (92,),
    54: (93,), 55: (108,), 56: (107,), 57: (106,), 58: (105,), 59: (104,), 8: (129,), 4: (126,),
    12: (131,), 5: (127,), 11: (130,), 7: (128,), 1: (110,), 15: (113,),
}  # fmt: skip
"""For each iBUG point, the points of the 189-point template whose mean it is."""


def measure(ict_folder: Path, london_folder: Path) -> tuple[Floats, int]:
    """Compute the (98, 3) mean head in metres, head frame, and the number of people."""
    model = load_points(ict_folder)
    index = [landmark_layouts.IBUG68_IN_WFLW98[i] for i in _TEMPLATE]
    shapes = []
    for path in sorted(london_folder.glob("*.tem")):
        template = read_template(path)
        points = np.stack([template[list(of)].mean(axis=0) for of in _TEMPLATE.values()])
        coefficients = fit(model, points, index).coefficients
        coefficients[100:] = 0.0  # identity only
        shapes.append(model.shape(coefficients))
    mean = np.mean(shapes, axis=0)
    mirrored = mean[list(landmark_layouts.MIRROR98)] * (1, -1, 1)
    mean = (mean + mirrored) / 2
    return mean - mean[51], len(shapes)


def main() -> None:
    """Print the table."""
    mean, people = measure(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"# {people} people")
    for point in mean:
        print("    ({:.4f}, {:.4f}, {:.4f}),".format(*(point + 0.0)))


if __name__ == "__main__":
    main()
