# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pipelines that see discs as faces, and comparisons of their results."""

import numpy as np

from atpn_ros.camera import CameraInfo, camera_from_info
from atpn_ros.pipeline.estimator import EstimatorSettings
from atpn_ros.pipeline.pipeline import FacePipeline, PipelineSettings
from fakes import DiscDetector, DiscEngine

RAW = PipelineSettings(estimator=EstimatorSettings(smoothing=None))


DISC = (160.0, 120.0, 30.0)


K = (300.0, 0.0, 160.0, 0.0, 300.0, 120.0, 0.0, 0.0, 1.0)


CAMERA = camera_from_info(CameraInfo(320, 240, K), 320, 240)


def discs(settings=RAW):
    return FacePipeline(DiscEngine(), DiscDetector(), settings)


def states(result):
    return {face.id: face.state for face in result.faces}


def all_numbers(value):
    """Every number in an answer."""
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, tuple):
        return [n for v in value for n in all_numbers(v)]
    if hasattr(value, "__dataclass_fields__"):
        return [n for k in value.__dataclass_fields__ for n in all_numbers(getattr(value, k))]
    return [value] if isinstance(value, int | float) else []
