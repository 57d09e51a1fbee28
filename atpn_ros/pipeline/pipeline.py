# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The face pipeline: detects, tracks and measures the faces in each frame of one camera.

Independent of ROS. The only clock is the stamps of the images, so the same frames give the same
faces, bit for bit on one machine. Stamps that do not advance as the camera does are replaced for
tracking by counted frames (:mod:`atpn_ros.pipeline.frame_clock`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from atpn_ros.camera import CameraModel
from atpn_ros.crop import Crop, cut_batch, sufficient_reduction
from atpn_ros.detectors.base import Detection, Detector, square_of
from atpn_ros.engines.base import Engine
from atpn_ros.pipeline.camera_rotation import CameraRotation
from atpn_ros.pipeline.estimator import EstimatorSettings, FaceEstimator
from atpn_ros.pipeline.frame_clock import FrameClock
from atpn_ros.pipeline.looking import CAMERA_ORIGIN
from atpn_ros.pipeline.neighbours import hide_neighbours
from atpn_ros.pipeline.observations import observations_of, observed_again
from atpn_ros.pipeline.search import FaceSearch
from atpn_ros.pipeline.track import Track
from atpn_ros.pipeline.tracker import Tracker, TrackerSettings
from atpn_ros.types import (
    EncodedImage,
    Face,
    FaceFrame,
    FaceState,
    Floats,
    Frame,
    Image,
    Timing,
)

_COUNT_NS = 1_000_000_000
_COUNT_FACTOR = 5
"""Least interval of the detector with ``max_faces`` faces, and its ratio to the usual one."""


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Settings of a :class:`FacePipeline`.

    Attributes:
        tracker: When tracks start and end.
        measure: How landmarks, pose and gaze are computed and smoothed.
        detect_interval_ns: Interval of the detector while faces are tracked. With as many faces
            as ``max_faces`` it runs at a fifth of this rate, and at least 1 s apart, only to count
            the others.
        search_interval_ns: Interval of the detector while no face is tracked.
        jump_ns: A step between stamps, back by more than a few frames or forward by more than this,
            is a jump in time: all tracks are dropped.
        rotate: Degrees, clockwise, by which the camera's pictures are turned before use: 0, 90, 180
            or 270. Results refer to the camera's own picture and frame.
    """

    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    estimator: EstimatorSettings = field(default_factory=EstimatorSettings)
    detect_interval_ns: int = 1_000_000_000
    search_interval_ns: int = 200_000_000
    jump_ns: int = 2_000_000_000
    rotate: int = 0


@dataclass(frozen=True, slots=True)
class _LastFrame:
    """Properties of the last frame, to notice jumps."""

    frame_id: str
    shape: tuple[int, ...]
    rotate: int


class FacePipeline:
    """Detects, tracks and measures the faces in the frames of one camera.

    Args:
        engine: Runs the network.
        detector: Finds new faces.
        settings: See :class:`PipelineSettings`; may be replaced between frames.
        clock: Nanoseconds, to time the stages. The result does not depend on it.
    """

    def __init__(
        self,
        engine: Engine,
        detector: Detector,
        settings: PipelineSettings,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.engine = engine
        self.detector = detector
        self._tracker = Tracker(settings.tracker)
        self._settings = settings
        self._clock = clock
        self._estimator = FaceEstimator(settings.estimator)
        self._frame_clock = FrameClock()
        self._last: _LastFrame | None = None
        self._search = FaceSearch(detector)
        self.resets: dict[str, int] = {}
        """How often all tracks were dropped, by reason."""

    @property
    def settings(self) -> PipelineSettings:
        """The settings of the next frame."""
        return self._settings

    @settings.setter
    def settings(self, settings: PipelineSettings) -> None:
        self._settings = settings
        self._estimator.settings = settings.estimator
        self._tracker.settings = settings.tracker

    @property
    def stamp_problem(self) -> str:
        """What was wrong with the stamp of the last frame; empty if nothing.

        One of :data:`atpn_ros.pipeline.frame_clock.STAMP_PROBLEMS`.
        """
        return self._frame_clock.problem

    @property
    def untracked(self) -> int:
        """Number of faces that the last run of the detector found beyond ``max_faces``."""
        return self._tracker.untracked

    def reset(self, reason: str) -> None:
        """Drop all tracks, e.g. after a jump in time. Ids go on."""
        self._tracker.reset()
        self._estimator.reset()
        self._frame_clock.reset()
        self._search.reset()
        self._last = None
        self.resets[reason] = self.resets.get(reason, 0) + 1

    def close(self) -> None:
        """End the detector's thread, if there is one; the engine is its owner's to close."""
        self._search.close()

    def process(
        self,
        frame: Frame,
        camera: CameraModel | None = None,
        target: Floats | None = CAMERA_ORIGIN,
    ) -> FaceFrame:
        """Detect, track and measure the faces of one frame.

        Args:
            frame: The next image of this camera.
            camera: Its calibration, for the image as it is given; None if unknown.
            target: (3,) metres in the camera frame, for ``Gaze.looking``; default: the camera.
                None: unknown, ``looking`` is then false.

        Raises:
            BackendError: The engine failed; the tracks are as they were before.
            AtpnError: The encoded image cannot be decoded; likewise.
        """
        clock = self._clock
        began = clock()
        height, width = frame.image.shape[:2]
        tracker, stamp = self._tracker, self._advance(frame)
        crops = tracker.predict(stamp)
        predicted = clock()
        search = self._search.plan(stamp, self._detection_interval_ns(), height, width)
        waited = predicted if search.earlier is None else clock()
        # The detector needs the full image. Re-verification crops are larger than the others.
        full = search.now or search.beside or any(map(self._is_new, search.earlier or ()))
        reduction = 1 if full else sufficient_reduction(crops, width, height)
        image, reduction = _decoded(frame.image, reduction)
        decoded = waited if image is frame.image else clock()
        rotation = None
        if self._settings.rotate:
            rotation = CameraRotation(self._settings.rotate, width, height)
            image = rotation.upright_image(image)
            camera = None if camera is None else rotation.upright_camera(camera)
            target = None if target is None else rotation.upright_rays(target[None])[0]
        turned = clock()
        found: dict[Crop, float] | None = None
        detections = self._search.faces(search, image, self._is_new, tracker.free_places)
        if detections is not None:
            found = {square_of(d.box): d.evidence for d in detections}
            crops += tracker.match_detections(list(found))
        crops += tracker.reverification_crops(stamp)
        detected = clock()

        batch = cut_batch(image, [c.reduced(reduction) for c in crops]) if crops else None
        if batch is not None:
            hide_neighbours(batch, crops, tracker.tracks, stamp)
        cropped = clock()
        output = self.engine.run(batch) if batch is not None else None
        observations = observations_of(output, crops, batch, found or {})
        uncertain = tracker.uncertain(observations)
        observations = observed_again(observations, uncertain, image, reduction, self.engine)
        ran = clock()
        self._search.done(search, image)

        lost = tracker.update(
            observations, stamp, (image.shape[1] * reduction, image.shape[0] * reduction)
        )
        faces = [_lost_face(track, stamp) for track in lost]
        if output is not None:
            faces += [
                self._estimator.estimate(
                    t, output, crops[t.observation.index], stamp, camera, target
                )
                for t in tracker.tracks
            ]
        for track in lost:
            self._estimator.drop(track.id)
        if rotation is not None:
            faces = [rotation.original_face(face) for face in faces]
        ended = clock()
        self._last = _LastFrame(frame.frame_id, frame.image.shape, self._settings.rotate)
        return FaceFrame(
            frame.stamp_ns,
            frame.frame_id,
            width,
            height,
            tuple(sorted(faces, key=lambda f: f.id)),
            found is not None,
            Timing(
                detect_ns=detected - turned + waited - predicted,
                crop_ns=cropped - detected + turned - decoded,
                network_ns=ran - cropped,
                track_ns=ended - ran + predicted - began,
                total_ns=ended - began,
                decode_ns=decoded - waited,
            ),
        )

    def _advance(self, frame: Frame) -> int:
        """Go on to the next frame, dropping all tracks after a jump; returns its time, ns."""
        clock, last = self._frame_clock, self._last
        if last is not None and frame.image.shape != last.shape:
            frame.pixels()  # raises for a damaged file, whose false size must not drop the tracks
        jump = clock.advance(frame.stamp_ns, self._settings.jump_ns)
        if last is not None and not jump:
            if frame.image.shape != last.shape:
                jump = "resolution changed"
            elif frame.frame_id != last.frame_id:
                jump = "frame_id changed"
            elif self._settings.rotate != last.rotate:
                jump = "rotate changed"
        if jump:
            self.reset(jump)
            clock.advance(frame.stamp_ns, self._settings.jump_ns)
        return clock.time_ns

    def _is_new(self, face: Detection) -> bool:
        """Whether a face of an earlier image is not where a face is tracked now."""
        return not self._tracker.overlaps_track(square_of(face.box))

    def _detection_interval_ns(self) -> int:
        tracker, settings = self._tracker, self._settings
        if tracker.free_places <= 0:
            return max(_COUNT_FACTOR * settings.detect_interval_ns, _COUNT_NS)
        if tracker.has_recent_losses:
            return 1
        # Faces that may come back, or are uncertain, are searched for like the first one.
        if not tracker.tracks:
            return settings.search_interval_ns
        if tracker.has_absent_faces or tracker.needs_early_search:
            return min(settings.detect_interval_ns, settings.search_interval_ns)
        return settings.detect_interval_ns


def _decoded(image: Image | EncodedImage, reduction: int) -> tuple[Image, int]:
    """The image, reduced if it is an encoded one, and by how much."""
    if isinstance(image, np.ndarray):
        return image, 1
    return image.decoded(reduction), reduction


def _lost_face(track: Track, stamp_ns: int) -> Face:
    return Face(
        id=track.id,
        state=FaceState.LOST,
        box=track.box,
        presence=float(track.presence),
        age_ns=stamp_ns - track.start_ns,
        frames_since_detection=track.frames_since_detection,
    )
