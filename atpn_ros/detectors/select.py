# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which detector starts tracks."""

from __future__ import annotations

from pathlib import Path

from atpn_ros.detectors.atpn import AtpnDetector
from atpn_ros.detectors.base import Detector
from atpn_ros.detectors.haar import HaarDetector
from atpn_ros.detectors.yunet import YuNetDetector


def load_detector(model: str = "") -> Detector:
    """The detector of a name, or YuNet where a path to its ``.onnx`` file is given.

    Args:
        model: "atpn" for this package's own, "haar" for OpenCV's cascade, empty for the default of
            the two; else a path.

    Raises:
        DetectorError: It cannot be loaded.
    """
    if model in ("", "haar"):
        return HaarDetector()
    return AtpnDetector() if model == "atpn" else YuNetDetector(Path(model).expanduser())
