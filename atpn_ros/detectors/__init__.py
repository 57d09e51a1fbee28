# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The face detectors that start tracks."""

from atpn_ros.detectors.base import Detection, Detector, DetectorError, square_of
from atpn_ros.detectors.select import load_detector

__all__ = ["Detection", "Detector", "DetectorError", "load_detector", "square_of"]
