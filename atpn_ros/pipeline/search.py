# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a slow detector in a second thread while the following frames are tracked.

On a large image the detector takes several periods of the camera. Run within one frame, it would
make the camera's next images wait and be dropped. So it works on a copy of the image of one frame,
and a later frame uses the result: the first whose stamp is at least the detector's ``latency_ns``
later. That frame waits if the detector is slower. The choice of frames depends on stamps alone, so
the same frames give the same results.
"""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np

from atpn_ros.detectors.base import Detection, Detector, square_of
from atpn_ros.pipeline.association import crop_distance
from atpn_ros.types import Box, Image

_REACH = 2.5
"""Half of the side of the area in which a face is searched for again, in face sizes. A person who
walks across the image at 1.4 m/s moves by nine face sizes a second."""
_SIDE = 30.0
"""The area is reduced until a face of the expected size has this many pixels, so that the time does
not depend on its size."""
_RATIO = 1.6
"""Largest ratio of the sizes of one face before and after."""


class BackgroundSearch:
    """One run of a detector at a time in a thread of its own, which starts with the first run."""

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._future: Future[list[Detection]] | None = None
        self._due_ns = 0

    @property
    def running(self) -> bool:
        """Whether a run was started whose result has not been used."""
        return self._future is not None

    def start(self, detector: Detector, image: Image, due_ns: int) -> None:
        """Start the detector on a copy of an image, whose memory its owner may use again.

        Args:
            detector: Runs in the thread.
            image: (H, W, 3) uint8 BGR.
            due_ns: Stamp of the first frame that may use the result.
        """
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="detector")
        self._future = self._executor.submit(detector.detect, image.copy())
        self._due_ns = due_ns

    def result(self, stamp_ns: int) -> list[Detection] | None:
        """The faces of the run, at a frame's stamp; waits for them if they are due.

        They are returned again at the next call, unless :meth:`drop` is called: a frame that fails
        does not lose them.

        Returns:
            None if nothing is due.

        Raises:
            Exception: What the detector raised. The run is over then.
        """
        if self._future is None or stamp_ns < self._due_ns:
            return None
        try:
            return self._future.result()
        except Exception:
            self.drop()
            raise

    def drop(self) -> None:
        """Forget the run and its result. A run that has begun ends before the next one."""
        if self._future is not None:
            self._future.cancel()
        self._future = None


def found_again(detector: Detector, image: Image, face: Detection) -> Detection:
    """A face of an earlier image in this one.

    The detector runs on the surroundings of the face, which costs little. Score and evidence stay
    those of the whole image, for which they were fitted.

    Args:
        detector: Any.
        image: (H, W, 3) uint8 BGR.
        face: As found before.

    Returns:
        The nearest face of about the same size, or ``face`` itself if there is none.
    """
    height, width = image.shape[:2]
    old = face.box
    side = math.sqrt(old.width * old.height)
    reach = _REACH * side
    x0, x1 = (round(min(max(v, 0.0), width)) for v in (old.cx - reach, old.cx + reach))
    y0, y1 = (round(min(max(v, 0.0), height)) for v in (old.cy - reach, old.cy + reach))
    if x1 - x0 < 1 or y1 - y0 < 1:
        return face
    part = image[y0:y1, x0:x1]
    scale = min(1.0, _SIDE / side)
    if scale < 1.0:
        size = (max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    sx, sy = part.shape[1] / (x1 - x0), part.shape[0] / (y1 - y0)
    best, shortest, expected = old, math.inf, square_of(old)
    for found in detector.detect(part):
        b = found.box
        box = Box(x0 + b.cx / sx, y0 + b.cy / sy, b.width / sx, b.height / sy)
        distance = crop_distance(square_of(box), expected)
        ratio = math.sqrt(box.width * box.height) / side
        if 1 / _RATIO < ratio < _RATIO and distance < shortest:
            best, shortest = box, distance
    return replace(face, box=best)
