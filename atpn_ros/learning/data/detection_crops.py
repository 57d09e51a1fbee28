# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads crops of true and false detections, which the command ``atpn collect-finds`` writes.

Packed crops are the same crops as WebP.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros.crop import CROP_SIZE
from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError
from atpn_ros.learning.data.encoded_images import decode_images, encode_images
from atpn_ros.types import Floats, Image


@dataclass(frozen=True, slots=True)
class DetectionCrops:
    """Crops of a detector's finds.

    Attributes:
        crops: (N, 128, 128, 3) uint8 BGR, as the pipeline cuts them.
        faces: (N,) 1 where the find is a face, else 0.
    """

    crops: Image
    faces: Floats


def load_detection_crops(path: Path) -> DetectionCrops:
    """Read an ``.npz`` file with the arrays ``crops`` and ``label``, or of packed crops.

    Raises:
        DataError: The file cannot be read, or an array has another shape.
    """
    try:
        with np.load(path) as data:
            labels = data["label"].astype(np.float64)
            if "crops" in data.files:
                crops = data["crops"]
            else:
                crops = np.stack(decode_images(data["pictures"], data["picture_lengths"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not an archive of crops and labels: {error}") from error
    shape = (len(labels), CROP_SIZE, CROP_SIZE, 3)
    if crops.shape != shape or crops.dtype != np.uint8 or not len(labels):
        raise DataError(f"{path}: crops: expected {shape} uint8, is {crops.shape} {crops.dtype}")
    if not np.isin(labels, (0, 1)).all():
        raise DataError(f"{path}: label: expected 0 or 1")
    return DetectionCrops(crops, labels)


def save_packed_crops(path: Path, finds: DetectionCrops, quality: int) -> None:
    """Write crops as WebP of a quality (1..100), atomically."""
    pictures, lengths = encode_images(list(finds.crops), quality)
    with atomic_replace(path) as part:
        np.savez(
            part, pictures=pictures, picture_lengths=lengths, label=finds.faces.astype(np.uint8)
        )
