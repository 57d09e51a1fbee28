# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A labelled face that needs no data set."""

from __future__ import annotations

import cv2
import numpy as np

from atpn_ros import geometry
from atpn_ros.learning.data.labelled_face import LabelledFace
from atpn_ros.learning.data.layouts import WFLW98
from atpn_ros.pipeline.head_model import MEAN_HEAD
from atpn_ros.types import Box


def drawn(roll: float = 0.1, pitch: float = -0.1, yaw: float = 0.3) -> LabelledFace:
    """A face of dots on grey, with exact truth."""
    rotation = geometry.head_rotation(roll, pitch, yaw)
    points = (MEAN_HEAD @ rotation.T)[:, :2] * 900 + (150, 140)
    image = np.full((300, 300, 3), 90, np.uint8)
    for x, y in points:
        cv2.circle(image, (round(x * 16), round(y * 16)), 40, (230, 240, 250), -1, cv2.LINE_AA, 4)
    box = Box.around(points)
    return LabelledFace(
        image, points, WFLW98, "drawn", weights=np.ones(98), rotation=rotation, detection=box
    )
