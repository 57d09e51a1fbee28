# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the engine, the detector and the pipeline that the settings name."""

from __future__ import annotations

from dataclasses import dataclass

from atpn_ros.camera import Camera
from atpn_ros.detectors import load_detector
from atpn_ros.engines import FallbackEngine, LoadControl, load_engine
from atpn_ros.pipeline.looking import CAMERA_ORIGIN
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.settings import Settings
from atpn_ros.types import FaceFrame, Floats, Frame


@dataclass(frozen=True, slots=True)
class LoadedPipeline:
    """A pipeline and its engine, which holds the reasons for skipped backends."""

    pipeline: FacePipeline
    engine: FallbackEngine

    def process(
        self, frame: Frame, camera: Camera | None = None, target: Floats | None = CAMERA_ORIGIN
    ) -> FaceFrame:
        """The faces of the next frame; see :meth:`FacePipeline.process`."""
        return self.pipeline.process(frame, camera, target)

    def new_pipeline(self, settings: Settings) -> FacePipeline:
        """Create a further pipeline, for another camera or scene, with the same engine."""
        detector = load_detector(settings.detector_model, settings.smallest_face)
        return FacePipeline(self.engine, detector, settings.pipeline_settings())

    def close(self) -> None:
        """End the detector's thread and free the engine; called by the thread that loaded it."""
        self.pipeline.close()
        self.engine.close()

    def __enter__(self) -> LoadedPipeline:
        """Close the engine at the end of the block."""
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def load_pipeline(settings: Settings, control: LoadControl) -> LoadedPipeline:
    """Load the pipeline that the settings name. The engine belongs to the calling thread.

    Args:
        settings: Model, backend, detector and the parameters of the pipeline.
        control: Receives progress; cancels loading.

    Raises:
        AtpnError: A file or backend cannot be loaded; gives its name and the reason.
    """
    # The detector first, since it fails quickly.
    detector = load_detector(settings.detector_model, settings.smallest_face)
    engine = load_engine(
        settings.model_path(),
        settings.backend,
        settings.threads,
        settings.strict_backend,
        max_faces=settings.max_faces,
        precision=settings.precision,
        control=control,
    )
    return LoadedPipeline(FacePipeline(engine, detector, settings.pipeline_settings()), engine)
