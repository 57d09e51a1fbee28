# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which detector starts tracks."""

from __future__ import annotations

from pathlib import Path

from atpn_ros.detectors.base import Detector
from atpn_ros.detectors.haar import HaarDetector
from atpn_ros.detectors.yunet import YuNetDetector


def load_detector(model: str = "") -> Detector:
    """The embedded detector, or YuNet where a path to its ``.onnx`` file is given.

    Raises:
        DetectorError: It cannot be loaded.
    """
    return YuNetDetector(Path(model).expanduser()) if model else HaarDetector()
