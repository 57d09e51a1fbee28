# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Face detectors that find new faces in whole images: ATPN's own and YuNet."""

from atpn_ros.detectors.base import Detection, Detector, DetectorError, square_of
from atpn_ros.detectors.select import detector_file, load_detector

__all__ = ["Detection", "Detector", "DetectorError", "detector_file", "load_detector", "square_of"]
