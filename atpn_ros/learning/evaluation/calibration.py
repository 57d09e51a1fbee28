# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Selects face crops for the calibration of 8 bit quantization."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from atpn_ros.crop import cut
from atpn_ros.learning.data.datasets import read_photographs
from atpn_ros.learning.data.face_crops import detector_crop
from atpn_ros.learning.data.renders import load_renders
from atpn_ros.learning.data.training_faces import positives
from atpn_ros.types import Image


def calibration_crops(folder: Path, count: int = 256) -> Image:
    """(count, 128, 128, 3) uint8 BGR crops of faces from a network's training data.

    Args:
        folder: Rendered shards, or photographs with ``labels.json`` (its split ``train``).
        count: Largest number of crops, spread evenly over the set.

    Raises:
        DataError: The folder cannot be read.
    """
    if (folder / "labels.json").is_file():
        faces = read_photographs(folder, "train")
    else:
        faces = positives(load_renders(folder))
    chosen = faces[:: max(1, len(faces) // count)][:count]
    rng = np.random.default_rng(0)
    return np.stack([cut(f.image, detector_crop(f, rng)) for f in chosen])
