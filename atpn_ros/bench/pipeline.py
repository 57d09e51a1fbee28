# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures the time of a frame through the pipeline, by stage, and the share spent in Python."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from atpn_ros.bench.frames import PERIOD_NS, frames
from atpn_ros.bench.pipeline_setup import load
from atpn_ros.detectors import Detection
from atpn_ros.detectors.base import Detector
from atpn_ros.engines import Engine, NetworkOutput
from atpn_ros.types import Frame, Image

FACES = (1, 2, 5)
LOOP = 60
"""Number of different frames, which form a loop."""

_WARM = 45
_OPENCV = ("warpAffine", "resize", "undistortPoints")
"""The OpenCV functions that the pipeline calls for a tracked frame."""


@dataclass(frozen=True, slots=True)
class PipelineTiming:
    """Median times of a frame in one mode.

    Attributes:
        faces: Number of faces in view.
        held: Mean number of tracked faces.
        mode: ``tracked``: all faces are tracked, the detector does not run; ``detect``: the
            detector runs at every frame.
        wall_ms: Wall time of a whole frame.
        cpu_ms: CPU time of a whole frame, which other processes do not lengthen.
        detect_ms, crop_ms, network_ms, track_ms: CPU time of each stage.
        python_share: Share of the CPU time spent outside the engine, the detector and OpenCV.
        frames: Number of frames measured.
    """

    faces: int
    held: float
    mode: str
    wall_ms: float
    cpu_ms: float
    detect_ms: float
    crop_ms: float
    network_ms: float
    track_ms: float
    python_share: float
    frames: int


def measure(
    faces: int, mode: str, seconds: float, clock: Callable[[], int] = time.thread_time_ns
) -> PipelineTiming:
    """Time frames with ``faces`` faces for ``seconds``, at least 20 frames.

    Raises:
        AtpnError: The pipeline cannot be loaded or the frames cannot be made.
    """
    native = _NativeTime(clock)
    setup = load(faces, always_detect=mode == "detect", clock=clock, wrap=native.wrap)
    pictures = frames(faces, LOOP)
    rows: list[tuple[float, ...]] = []
    end = 0.0
    n = 0
    with _one_thread(), native.opencv():
        while n < _WARM + 20 or time.perf_counter() < end:
            if n == _WARM:
                end = time.perf_counter() + seconds
            frame = Frame(pictures[n % LOOP], (n + 1) * PERIOD_NS)
            native.total_ns = 0
            began = time.perf_counter_ns()
            result = setup.pipeline.process(frame, setup.camera)
            wall = time.perf_counter_ns() - began
            t = result.timing
            held = sum(face.landmarks is not None for face in result.faces)
            spent = (wall, t.total_ns, t.detect_ns, t.crop_ns, t.network_ns, t.track_ns)
            rows.append((held, *(v / 1e6 for v in spent), 1 - native.total_ns / max(1, t.total_ns)))
            n += 1
    setup.engine.close()
    counted = np.array(rows[_WARM:])
    held_faces = round(float(counted[:, 0].mean()), 2)
    wall_ms, cpu_ms, detect_ms, crop_ms, network_ms, track_ms, python = (
        round(float(v), 4) for v in np.median(counted[:, 1:], axis=0)
    )
    return PipelineTiming(
        faces, held_faces, mode, wall_ms, cpu_ms, detect_ms, crop_ms, network_ms, track_ms, python,
        len(counted),
    )  # fmt: skip


class _NativeTime:
    """Sums the time of a frame spent in the engine, the detector and OpenCV."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._inside = False
        self.total_ns = 0

    def wrap(self, engine: Engine, detector: Detector) -> tuple[Engine, Detector]:
        """The engine and the detector with their time counted."""
        return _CountedEngine(engine, self), _CountedDetector(detector, self)

    def counted(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call ``work`` and add its time."""
        if self._inside:  # OpenCV within the detector counts once
            return work(*args, **kwargs)
        self._inside = True
        began = self._clock()
        try:
            return work(*args, **kwargs)
        finally:
            self.total_ns += self._clock() - began
            self._inside = False

    @contextmanager
    def opencv(self) -> Iterator[None]:
        """Count the time of OpenCV's functions during the block."""
        before = {name: getattr(cv2, name) for name in _OPENCV}

        def timed(work: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *args, **kwargs: self.counted(work, *args, **kwargs)

        for name, work in before.items():
            setattr(cv2, name, timed(work))
        try:
            yield
        finally:
            for name, work in before.items():
                setattr(cv2, name, work)


class _CountedEngine:
    def __init__(self, inner: Engine, native: _NativeTime) -> None:
        self._inner, self._native = inner, native

    name = property(lambda self: self._inner.name)
    report = property(lambda self: self._inner.report)

    def run(self, crops: Image) -> NetworkOutput:
        out: NetworkOutput = self._native.counted(self._inner.run, crops)
        return out

    def close(self) -> None:
        self._inner.close()


class _CountedDetector:
    def __init__(self, inner: Detector, native: _NativeTime) -> None:
        self._inner, self._native = inner, native

    name = property(lambda self: self._inner.name)

    def detect(self, image: Image) -> list[Detection]:
        out: list[Detection] = self._native.counted(self._inner.detect, image)
        return out

    def latency_ns(self, height: int, width: int) -> int:
        return self._inner.latency_ns(height, width)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
