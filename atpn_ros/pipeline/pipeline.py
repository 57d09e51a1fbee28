# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The frame's way: image in, faces out. No ROS and no clock but the images' stamps.

The same frames in give the same faces out, to the bit on one machine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from atpn_ros.camera import Camera
from atpn_ros.crop import Crop, cut_batch
from atpn_ros.detectors.base import Detector, square_of
from atpn_ros.engines.base import Engine, NetworkOutput
from atpn_ros.pipeline.estimator import EstimatorSettings, FaceEstimator
from atpn_ros.pipeline.tracker import Observation, Track, Tracker, TrackerSettings
from atpn_ros.types import Face, FaceFrame, FaceState, Frame, Image, Timing

_DARK = 6.0
"""Mean of a crop's brightest channel, of 255: below it nothing is to be seen."""

_FAR = 1.5
"""Landmarks further than this from their crop's middle, in crop sides, are no answer."""


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """How frames are dealt with.

    Attributes:
        tracker: When faces are taken up and let go.
        measure: How the faces that are held are measured.
        detect_interval_ns: How often the detector looks for further faces while some are held.
        search_interval_ns: How often it looks while none is held.
        jump_ns: A step between stamps, back by anything or forward by more than this, is a jump in
            time: all tracks are forgotten.
    """

    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    estimator: EstimatorSettings = field(default_factory=EstimatorSettings)
    detect_interval_ns: int = 1_000_000_000
    search_interval_ns: int = 200_000_000
    jump_ns: int = 2_000_000_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is remembered of the last frame, to notice jumps."""

    stamp_ns: int
    frame_id: str
    shape: tuple[int, ...]


class FacePipeline:
    """Finds, follows and measures the faces in the frames of one camera.

    Args:
        engine: Runs the network.
        detector: Starts tracks.
        settings: See :class:`PipelineSettings`; may be replaced between frames.
        clock: Of the stages' times, nanoseconds. It decides nothing.
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
        self._last: _Seen | None = None
        self._last_detection_ns: int | None = None
        self.resets: dict[str, int] = {}
        """How often the tracks were forgotten, by reason."""

    @property
    def settings(self) -> PipelineSettings:
        """The settings that the next frame will be processed with."""
        return self._settings

    @settings.setter
    def settings(self, settings: PipelineSettings) -> None:
        self._settings = settings
        self._estimator.settings = settings.estimator
        self._tracker.settings = settings.tracker

    def reset(self, reason: str) -> None:
        """Forget all tracks, e.g. after a jump in time. Ids go on."""
        self._tracker.reset()
        self._estimator.forget_all()
        self._last_detection_ns = None
        self._last = None
        self.resets[reason] = self.resets.get(reason, 0) + 1

    def process(self, frame: Frame, camera: Camera | None = None) -> FaceFrame:
        """The faces of one frame.

        Args:
            frame: The next picture of this camera.
            camera: Its calibration, None if unknown.

        Raises:
            BackendError: The engine failed; the tracks are as they were before.
        """
        clock = self._clock
        began = clock()
        self._notice_jumps(frame)
        tracker, stamp = self._tracker, frame.stamp_ns
        crops = tracker.predict(stamp)
        found: list[Crop] | None = None
        if self._detection_due(stamp):
            found = [square_of(d.box) for d in self.detector.detect(frame.image)]
            crops += tracker.confirm(found)
        crops += tracker.second_looks(stamp)
        detected = clock()

        batch = cut_batch(frame.image, crops) if crops else None
        cropped = clock()
        output = self.engine.run(batch) if batch is not None else None
        ran = clock()
        if found is not None:
            self._last_detection_ns = stamp

        looks = _looks(output, crops, batch)
        lost = tracker.update(looks, stamp)
        faces = [_lost_face(track, stamp) for track in lost]
        if output is not None:
            faces += [
                self._estimator.face(t, output, crops[t.look.index], stamp, camera)
                for t in tracker.held
            ]
        for track in lost:
            self._estimator.forget(track.id)
        ended = clock()
        self._last = _Seen(stamp, frame.frame_id, frame.image.shape)
        height, width = frame.image.shape[:2]
        return FaceFrame(
            stamp,
            frame.frame_id,
            width,
            height,
            tuple(sorted(faces, key=lambda f: f.id)),
            found is not None,
            Timing(
                detect_ns=detected - began,
                crop_ns=cropped - detected,
                network_ns=ran - cropped,
                track_ns=ended - ran,
                total_ns=ended - began,
            ),
        )

    def _notice_jumps(self, frame: Frame) -> None:
        last = self._last
        if last is None:
            return
        step = frame.stamp_ns - last.stamp_ns
        if step < 0:
            self.reset("time went back")
        elif step > self._settings.jump_ns:
            self.reset("time jumped forward")
        elif frame.image.shape != last.shape:
            self.reset("resolution changed")
        elif frame.frame_id != last.frame_id:
            self.reset("frame_id changed")

    def _detection_due(self, stamp_ns: int) -> bool:
        tracker = self._tracker
        if tracker.free <= 0:
            return False
        if self._last_detection_ns is None:
            return True
        since = stamp_ns - self._last_detection_ns
        if tracker.searching:
            return since > 0
        s = self._settings
        return since >= (s.detect_interval_ns if tracker.held else s.search_interval_ns)


def _looks(
    output: NetworkOutput | None, crops: list[Crop], batch: Image | None
) -> list[Observation]:
    """What was seen in each crop; an answer that makes no sense counts as no face.

    So does one about a crop in which nothing is to be seen. The shipped weights say so themselves;
    a model given by path may never have been taught a covered lens.
    """
    if output is None or batch is None:
        return []
    return [
        Observation(crop.to_image(output.landmarks[i]), float(output.presence[i]), i)
        if max(cv2.mean(batch[i])) > _DARK and _is_valid(output, i)
        else Observation(np.full((98, 2), np.nan), 0.0, i)
        for i, crop in enumerate(crops)
    ]


def _is_valid(output: NetworkOutput, i: int) -> bool:
    """Whether what the network says of a crop is all numbers, and a face about where the crop is.

    In plain numbers: a function of numpy costs most when it is called the first time in a frame.
    """
    points = output.landmarks[i].ravel().tolist()
    parts = [*points, *output.rotation[i].ravel().tolist(), float(output.presence[i])]
    parts += [] if output.sigma is None else output.sigma[i].tolist()
    # A sum is finite only if all its parts are.
    return math.isfinite(sum(parts)) and min(points) > 0.5 - _FAR and max(points) < 0.5 + _FAR


def _lost_face(track: Track, stamp_ns: int) -> Face:
    return Face(
        id=track.id,
        state=FaceState.LOST,
        box=track.box,
        presence=float(track.presence),
        age_ns=stamp_ns - track.start_ns,
        frames_since_detection=track.frames_since_detection,
    )
