# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the pipeline and the calibrated camera that the benchmarks measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from atpn_ros.bench.frames import HEIGHT, WIDTH
from atpn_ros.camera import Camera, camera_from_field_of_view
from atpn_ros.detectors import load_detector
from atpn_ros.detectors.base import Detector
from atpn_ros.engines import Engine, load_engine
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.setting_values import update_settings
from atpn_ros.settings import Settings

_VIEW_DEG = 60.0
"""Horizontal angle of view of a typical webcam."""


@dataclass(frozen=True, slots=True)
class BenchPipeline:
    """A loaded pipeline, its engine and its camera."""

    pipeline: FacePipeline
    engine: Engine
    camera: Camera


def load(
    faces: int,
    model: str = "",
    *,
    always_detect: bool = False,
    clock: Callable[[], int] = time.perf_counter_ns,
    wrap: Callable[[Engine, Detector], tuple[Engine, Detector]] = lambda e, d: (e, d),
) -> BenchPipeline:
    """The pipeline with default settings, on the CPU with one thread.

    Args:
        faces: Largest number of faces; with that many in view the detector does not run.
        model: The setting ``model``.
        always_detect: Allow one more face, and run the detector at every frame.
        clock: Clock of the stage times, nanoseconds.
        wrap: Replaces the engine and the detector, for example to time them.

    Raises:
        AtpnError: The engine or the detector cannot be loaded.
    """
    settings = update_settings(
        Settings(),
        {
            "model": model,
            "backend": "onnx-cpu",
            "threads": 1,
            "max_faces": faces + always_detect,
            **({"detect_interval": 0.0} if always_detect else {}),
        },
    )
    loaded = load_engine(
        settings.model_path(), settings.backend, settings.threads, strict=True,
        max_faces=settings.max_faces,
    )  # fmt: skip
    engine, detector = wrap(loaded, load_detector())
    pipeline = FacePipeline(engine, detector, settings.pipeline_settings(), clock)
    return BenchPipeline(pipeline, loaded, camera_from_field_of_view(_VIEW_DEG, WIDTH, HEIGHT))
