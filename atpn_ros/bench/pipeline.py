# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Milliseconds per frame of the pipeline, and what share of them each stage and library has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from atpn_ros.bench.frames import frames
from atpn_ros.bench.pipeline_setup import load
from atpn_ros.bench.runner import PERIOD_NS
from atpn_ros.detectors import Detection
from atpn_ros.detectors.base import Detector
from atpn_ros.engines import Engine, NetworkOutput
from atpn_ros.types import Frame, Image

FACES = (1, 2, 5)
LOOP = 60
"""Different frames; they close to a loop."""

_WARM = 45
_OPENCV = ("warpAffine", "resize", "undistortPoints")
"""OpenCV's functions that a tracked frame goes through."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A frame's cost, of one kind of frames.

    Attributes:
        faces: In view.
        held: Of them, in the mean.
        mode: ``tracked``: as with a full room; ``detect``: the detector runs at every frame.
        wall_ms: Median of a whole frame on the wall's clock.
        cpu_ms: Median of a whole frame in CPU time, which other processes do not lengthen.
        detect_ms, crop_ms, network_ms, track_ms: CPU time of each stage, medians.
        python_share: Of the CPU time, what is spent neither in the engine nor in OpenCV.
        frames: How many were measured.
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
) -> Figure:
    """Time frames with so many faces for some seconds, 20 frames at least.

    Raises:
        AtpnError: The pipeline or the frames cannot be had.
    """
    lap = _Lap(clock)
    subject = load(faces, always_detect=mode == "detect", clock=clock, wrap=lap.wrap)
    pictures = frames(faces, LOOP)
    rows: list[tuple[float, ...]] = []
    end = 0.0
    n = 0
    with _one_thread(), lap.opencv():
        while n < _WARM + 20 or time.perf_counter() < end:
            if n == _WARM:
                end = time.perf_counter() + seconds
            frame = Frame(pictures[n % LOOP], (n + 1) * PERIOD_NS)
            lap.foreign_ns = 0
            began = time.perf_counter_ns()
            result = subject.pipeline.process(frame, subject.camera)
            wall = time.perf_counter_ns() - began
            t = result.timing
            held = sum(face.landmarks is not None for face in result.faces)
            spent = (wall, t.total_ns, t.detect_ns, t.crop_ns, t.network_ns, t.track_ns)
            rows.append((held, *(v / 1e6 for v in spent), 1 - lap.foreign_ns / max(1, t.total_ns)))
            n += 1
    subject.engine.close()
    counted = np.array(rows[_WARM:])
    held_faces = round(float(counted[:, 0].mean()), 2)
    wall_ms, cpu_ms, detect_ms, crop_ms, network_ms, track_ms, python = (
        round(float(v), 4) for v in np.median(counted[:, 1:], axis=0)
    )
    return Figure(
        faces, held_faces, mode, wall_ms, cpu_ms, detect_ms, crop_ms, network_ms, track_ms, python,
        len(counted),
    )  # fmt: skip


class _Lap:
    """Counts the time of a frame that is not Python's: the engine's, the detector's, OpenCV's."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._inside = False
        self.foreign_ns = 0

    def wrap(self, engine: Engine, detector: Detector) -> tuple[Engine, Detector]:
        """Both, counted."""
        return _CountedEngine(engine, self), _CountedDetector(detector, self)

    def counted(self, work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Do something that is not Python's."""
        if self._inside:  # OpenCV within the detector counts once
            return work(*args, **kwargs)
        self._inside = True
        began = self._clock()
        try:
            return work(*args, **kwargs)
        finally:
            self.foreign_ns += self._clock() - began
            self._inside = False

    @contextmanager
    def opencv(self) -> Iterator[None]:
        """While entered, OpenCV's functions are counted."""
        before = {name: getattr(cv2, name) for name in _OPENCV}

        def watched(work: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *args, **kwargs: self.counted(work, *args, **kwargs)

        for name, work in before.items():
            setattr(cv2, name, watched(work))
        try:
            yield
        finally:
            for name, work in before.items():
                setattr(cv2, name, work)


class _CountedEngine:
    def __init__(self, inner: Engine, lap: _Lap) -> None:
        self._inner, self._lap = inner, lap

    name = property(lambda self: self._inner.name)
    report = property(lambda self: self._inner.report)

    def run(self, crops: Image) -> NetworkOutput:
        out: NetworkOutput = self._lap.counted(self._inner.run, crops)
        return out

    def close(self) -> None:
        self._inner.close()


class _CountedDetector:
    def __init__(self, inner: Detector, lap: _Lap) -> None:
        self._inner, self._lap = inner, lap

    name = property(lambda self: self._inner.name)

    def detect(self, image: Image) -> list[Detection]:
        out: list[Detection] = self._lap.counted(self._inner.detect, image)
        return out


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
