# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the detector: in the frame in which it is due, or beside the frames that follow.

On a large image the detector takes several periods of the camera. Within one frame, it would make
the camera's next images wait and be dropped. It then works in a second thread, on a copy of the
image, and a later frame uses the result: the first whose stamp is at least the detector's
``latency_ns`` later. That frame waits if the detector is not ready. Which frames these are depends
on stamps alone, so the same frames give the same results. Faces that are not tracked yet may have
moved since, and are searched for again near the place where they were, if they are likely faces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

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
_LEAST_EVIDENCE = -4.0
"""A face with less evidence is rarely one. It is not searched for again: there are several times as
many of them as of the others, and each search takes longer than a run of the face network."""
_RATIO = 1.6
"""Largest ratio of the sizes of one face before and after."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What the detector does in one frame.

    Attributes:
        earlier: The faces of an earlier image, which this frame uses; None: there is no result.
        now: Whether the detector runs within this frame.
        beside: Whether it starts to run beside this frame and the following ones.
        stamp_ns: Stamp of the frame.
        due_ns: Stamp from which the result of ``beside`` is used.
    """

    earlier: list[Detection] | None
    now: bool
    beside: bool
    stamp_ns: int
    due_ns: int


class FaceSearch:
    """The runs of one detector on the frames of one camera.

    For each frame: :meth:`plan`, :meth:`faces` with the image, and :meth:`done` if no later stage
    has failed; else the next frame repeats what this one was to do.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._executor: ThreadPoolExecutor | None = None
        self._future: Future[list[Detection]] | None = None
        self._forgotten: Future[list[Detection]] | None = None
        self._copy: Image | None = None
        self._due_ns = 0
        self._began_ns: int | None = None
        self._last_ns = 0

    def reset(self) -> None:
        """Forget all runs. One in the other thread ends before the next one begins."""
        if self._future is not None:
            self._forgotten = self._future
        self._future = self._began_ns = None

    def close(self) -> None:
        """End the other thread, after a run that has begun."""
        self.reset()
        if self._executor is not None:
            self._executor.shutdown()
        self._executor = self._copy = self._forgotten = None

    def _other_thread(self) -> ThreadPoolExecutor:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="detector")
            self._executor.submit(int)  # the thread begins with its first task
        return self._executor

    def plan(self, stamp_ns: int, interval_ns: int, height: int, width: int) -> SearchPlan:
        """Decide what the detector does in a frame; waits for the other thread if it is late.

        Args:
            stamp_ns: Of the frame.
            interval_ns: Least time between the starts of two runs.
            height: Of the image, pixels.
            width: Of the image, pixels.

        Raises:
            Exception: What the detector raised in the other thread. That run is over.
        """
        earlier = None
        if self._future is not None and stamp_ns >= self._due_ns:
            try:
                earlier = self._future.result()
            except Exception:
                self._future = None
                raise
        if self._future is not None and earlier is None:  # it is not due yet
            return SearchPlan(None, False, False, stamp_ns, 0)
        first = self._began_ns is None
        due = first or stamp_ns - (self._began_ns or 0) >= interval_ns
        latency = self._detector.latency_ns(height, width) if due else 0
        if latency:  # with the first large image, so that no thread starts at a random time later
            self._other_thread()
        # The first frame, and each of a slow camera, leaves time for the detector.
        beside = due and not first and stamp_ns - self._last_ns < latency
        return SearchPlan(earlier, due and not beside, beside, stamp_ns, stamp_ns + latency)

    def faces(
        self, plan: SearchPlan, image: Image, is_new: Callable[[Detection], bool], most: int
    ) -> list[Detection] | None:
        """The faces that the frame uses, by descending score; None: none were searched for.

        Args:
            plan: Of this frame.
            image: (H, W, 3) uint8 BGR. Not used, and may be smaller, if the plan needs no pixels
                and no face of ``earlier`` is new.
            is_new: Whether a face is not tracked.
            most: How many new faces of an earlier image are searched for again, so that the time of
                a frame is bounded. Those with little evidence are used where they were.
        """
        if plan.now:
            if self._forgotten is not None:  # it ends first: two at once need twice the memory
                wait([self._forgotten])
                self._forgotten = None
            return self._detector.detect(image)
        if plan.earlier is None:
            return None
        out = []
        for face in plan.earlier:
            again = most > 0 and face.evidence >= _LEAST_EVIDENCE and is_new(face)
            most -= again
            out.append(found_again(self._detector, image, face) if again else face)
        return out

    def done(self, plan: SearchPlan, image: Image) -> None:
        """Carry on to the next frame: start the other thread on a copy of the image if planned."""
        self._last_ns = plan.stamp_ns
        if plan.earlier is not None:
            self._future = None
        if plan.beside:
            # A copy, since the owner of the image may use its memory for the next one. The memory
            # of the copy is used again, so that the process does not grow and shrink every second.
            if self._copy is None or self._copy.shape != image.shape:
                self._copy = np.empty_like(image, order="C")
            np.copyto(self._copy, image)
            self._future = self._other_thread().submit(self._detector.detect, self._copy)
            self._due_ns = plan.due_ns
        if plan.now or plan.beside:
            self._began_ns = plan.stamp_ns


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
