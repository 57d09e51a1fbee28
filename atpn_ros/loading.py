# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From settings to a pipeline that is ready to work: the slow part of a start."""

from __future__ import annotations

from dataclasses import dataclass

from atpn_ros.detectors import load_detector
from atpn_ros.engines import LadderEngine, Watch, load_engine
from atpn_ros.pipeline import FacePipeline
from atpn_ros.settings import Settings


@dataclass(frozen=True, slots=True)
class Sight:
    """A pipeline and the engine in it, which knows why it stands where it stands."""

    pipeline: FacePipeline
    engine: LadderEngine

    def another(self, settings: Settings) -> FacePipeline:
        """A further pipeline, of another camera or scene, on the same engine."""
        detector = load_detector(settings.detector_model, settings.smallest_face)
        return FacePipeline(self.engine, detector, settings.pipeline())

    def close(self) -> None:
        """Free the engine, by the thread that loaded it."""
        self.engine.close()


def load_sight(settings: Settings, watch: Watch) -> Sight:
    """Load what the settings name. The engine belongs to the calling thread.

    Raises:
        AtpnError: Something cannot be loaded; says what and why.
    """
    detector = load_detector(settings.detector_model, settings.smallest_face)  # first: it is quick to fail
    engine = load_engine(
        settings.model_path(),
        settings.backend,
        settings.threads,
        settings.strict_backend,
        max_faces=settings.max_faces,
        precision=settings.precision,
        watch=watch,
    ).engine
    return Sight(FacePipeline(engine, detector, settings.pipeline()), engine)
