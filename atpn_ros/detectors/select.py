# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the face detector that a name or a path selects."""

from __future__ import annotations

from pathlib import Path

from atpn_ros.detectors.atpn import DETECTOR_MODEL, MIN_FACE, AtpnDetector
from atpn_ros.detectors.base import Detector
from atpn_ros.detectors.yunet import YuNetDetector, verified_cached_model

OWN, YUNET = "atpn", "yunet"
"""Names of the detectors that need no path."""
DEFAULT = OWN
"""The detector for an empty name."""


def detector_file(model: str = "") -> Path:
    """The file of a detector's weights.

    Raises:
        DetectorError: YuNet is asked for by its name and has not been downloaded.
    """
    name = model or DEFAULT
    if name == YUNET:
        return verified_cached_model()
    return DETECTOR_MODEL if name == OWN else Path(name).expanduser()


def load_detector(model: str = "", min_face: float = MIN_FACE) -> Detector:
    """Load the detector with a name, or YuNet from the path of its ``.onnx`` file.

    Args:
        model: "atpn" for this package's own, "yunet" for YuNet from the user's cache, empty for
            the default, or a path.
        min_face: Side of the smallest face that "atpn" searches for, pixels of the image.

    Raises:
        DetectorError: It cannot be loaded.
    """
    path = detector_file(model)
    if (model or DEFAULT) == OWN:
        return AtpnDetector(path, min_face=min_face)
    return YuNetDetector(path)
