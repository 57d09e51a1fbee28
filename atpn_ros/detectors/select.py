# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which detector starts tracks."""

from __future__ import annotations

from pathlib import Path

from atpn_ros.detectors.atpn import DETECTOR_MODEL, MIN_FACE, AtpnDetector
from atpn_ros.detectors.base import Detector
from atpn_ros.detectors.haar import HaarDetector
from atpn_ros.detectors.yunet import YuNetDetector

HAAR, OWN = "haar", "atpn"
"""Names of the detectors that need no path."""
DEFAULT = HAAR
"""What an empty name stands for."""


def detector_file(model: str = "") -> Path | None:
    """The file that a detector's weights come from; None: OpenCV brings them."""
    name = model or DEFAULT
    if name == HAAR:
        return None
    return DETECTOR_MODEL if name == OWN else Path(name).expanduser()


def load_detector(model: str = "", smallest: float = MIN_FACE) -> Detector:
    """The detector of a name, or YuNet where a path to its ``.onnx`` file is given.

    Args:
        model: "atpn" for this package's own, "haar" for OpenCV's cascade, empty for the default of
            the two; else a path.
        smallest: Side of the smallest face that the package's own looks for, pixels of the picture.

    Raises:
        DetectorError: It cannot be loaded.
    """
    path = detector_file(model)
    if path is None:
        return HaarDetector()
    if (model or DEFAULT) == OWN:
        return AtpnDetector(path, min_face=smallest)
    return YuNetDetector(path)
