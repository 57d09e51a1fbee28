# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Processes the newest image in the thread that owns the engine; does not import ROS.

Received messages are put into a slot for one message. The thread takes the newest, runs the
pipeline, which decodes what it needs of the image, and passes the result to the node. An error in
one frame does not end the thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from atpn_ros.camera import Calibration, CameraInfo
from atpn_ros.conversions import messages
from atpn_ros.conversions.messages import FrameProgress, Message
from atpn_ros.engines.base import LoadControl
from atpn_ros.engines.engine_thread import EngineJob, EngineThread
from atpn_ros.images.raw import BadImage
from atpn_ros.node.frame_slot import FlowStats, NewestSlot
from atpn_ros.node.health import AHEAD_NS
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.runtime import LoadedPipeline
from atpn_ros.settings import Settings
from atpn_ros.types import FaceFrame, FaceState, Floats, Frame, Image


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image message and its time of arrival by the host's clock, ns."""

    message: Message
    received_ns: int


@dataclass(frozen=True, slots=True)
class FrameResult:
    """The result of one frame and what publishers need besides it.

    Attributes:
        source: The frame that was processed.
        header: Header of the image message.
        result: The tracked faces.
        progress: Times and counters of its processing.
        settings: The settings that were used.
    """

    source: Frame
    header: Message
    result: FaceFrame
    progress: FrameProgress
    settings: Settings

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 BGR, the full image, decoded at the first access if it was not."""
        return self.source.pixels()


class Host(Protocol):
    """What the worker needs from the node. The methods are called in the worker's thread."""

    settings: Settings

    def now_ns(self) -> int:
        """Time of the clock that stamps are compared with, ns."""

    def publish(self, frame: FrameResult) -> None:
        """Publish the result of a frame."""

    def target_position(self, target: str, frame_id: str, stamp_ns: int) -> Floats | None:
        """Position of ``looking_target`` in the camera frame, None if unknown; must not wait."""

    def warn(self, text: str, kind: str) -> None:
        """Log a problem with a frame, throttled for each kind."""

    def report_engine(self, line: str) -> None:
        """Log progress of loading the engine, or its failure while running."""


class Worker:
    """Loads a pipeline in a thread of its own and processes images there between start and stop.

    Args:
        host: The node.
        load: Loads the pipeline; called in the thread.

    Attributes:
        engine_thread: The thread; its value is the loaded pipeline.
        stats: Counters since activation.
        calibration: The camera's calibration.
    """

    def __init__(self, host: Host, load: Callable[[LoadControl], LoadedPipeline]) -> None:
        self._host = host
        self.stats = FlowStats()
        self.calibration = Calibration()
        self._slot: NewestSlot[Arrival] = NewestSlot()
        self._slot.close()
        self._job: EngineJob | None = None
        self._publish_ns = 0
        self._drop_reason = ""
        self._applied: Settings | None = None
        self.engine_thread = EngineThread(load, LoadedPipeline.close, host.report_engine)

    def start(self) -> None:
        """Process images from now on, or as soon as the engine is loaded. Resets the counters."""
        stats, slot = FlowStats(), NewestSlot[Arrival]()
        self.stats, self._slot = stats, slot
        self._job = self.engine_thread.submit(lambda: self._work(slot, stats))

    def put(self, message: Message, received_ns: int) -> None:
        """Store the newest image; an older one that still waits is dropped."""
        self.stats.received += 1
        self.stats.last_received_ns = time.monotonic_ns()
        if self._slot.put(Arrival(message, received_ns)):
            self.stats.dropped += 1

    def calibrate(self, info: CameraInfo) -> None:
        """Set the calibration for the following images."""
        self.calibration.info = info

    def count_lost(self, count: int) -> None:
        """Count images that the middleware lost."""
        self.stats.lost += count

    def count_missed(self, count: int) -> None:
        """Count images that were published and did not arrive."""
        self.stats.missed += count

    def drop_tracks(self, why: str) -> None:
        """Drop all tracks before the next image; ``why`` is counted as the reason."""
        self._drop_reason = why

    def stop(self, seconds: float) -> bool:
        """Stop processing and drop all tracks. Returns whether the current frame ended in time.

        Otherwise it is finished later and its result is discarded.
        """
        self._slot.close()
        job, self._job = self._job, None
        # While the engine loads the job has not started yet; it will find its slot closed.
        return job is None or not self.engine_thread.settled or job.done.wait(seconds)

    def close(self, seconds: float) -> bool:
        """Stop, and free the engine. Returns whether in time."""
        self._slot.close()
        self._job = None
        return self.engine_thread.close(seconds)

    # In the thread --------------------------------------------------------------------------------

    def _work(self, slot: NewestSlot[Arrival], stats: FlowStats) -> None:
        if self.engine_thread.value is None:
            return
        pipeline = self.engine_thread.value.pipeline
        pipeline.reset("activated")
        while not slot.closed:
            arrival = slot.take(timeout_s=0.5)
            if arrival is None:
                continue
            try:
                result = self._process(pipeline, arrival, stats)
                if not slot.closed:
                    self._publish(result)
            except BadImage as error:
                stats.refused[error.reason] += 1
                self._host.warn(f"image refused, {error}", error.reason)
            except Exception as error:  # an error in one frame must not end the node
                kind = type(error).__name__
                stats.refused[kind] += 1
                self._host.warn(f"frame failed: {kind}: {error}", kind)
        pipeline.reset("deactivated")

    def _process(self, pipeline: FacePipeline, arrival: Arrival, stats: FlowStats) -> FrameResult:
        host, message = self._host, arrival.message
        settings, header = host.settings, message.header
        started_ns = host.now_ns()
        began, before = time.perf_counter_ns(), stats.depth.note
        image = messages.open_image(message, settings.max_pixels, stats.depth)
        opened_ns = time.perf_counter_ns() - began
        if stats.depth.note not in ("", before):
            host.warn(stats.depth.note, stats.depth.note)
        height, width = image.shape[:2]
        camera = self.calibration.camera(
            width, height, header.frame_id, lambda what: host.warn(what, "camera_info")
        )
        if settings is not self._applied:
            pipeline.settings, self._applied = settings.pipeline_settings(), settings
        frame = Frame(image, messages.stamp_ns(header.stamp), header.frame_id)
        resets = dict(pipeline.resets)
        if self._drop_reason:
            why, self._drop_reason = self._drop_reason, ""
            pipeline.reset(why)
        target = host.target_position(settings.looking_target, frame.frame_id, frame.stamp_ns)
        result = pipeline.process(frame, camera, target)
        self._count_odd_headers(frame, arrival, stats, pipeline.stamp_problem)
        stats.untracked = pipeline.untracked
        if stats.untracked:
            host.warn(
                f"faces in view beyond max_faces ({settings.max_faces}): {stats.untracked}",
                "max_faces",
            )
        for why in {why for why, n in pipeline.resets.items() if n != resets.get(why)}:
            host.warn(f"all tracks are dropped: {why}", why)
        finished_ns = host.now_ns()
        stats.processed += 1
        stats.with_faces += any(face.state is not FaceState.LOST for face in result.faces)
        stats.detector_runs += result.detector_ran
        stats.latency_ns.append(max(0, finished_ns - frame.stamp_ns))
        progress = FrameProgress(
            received_ns=arrival.received_ns,
            started_ns=started_ns,
            finished_ns=finished_ns,
            decode_ns=opened_ns + result.timing.decode_ns,
            publish_ns=self._publish_ns,
            frames_received=stats.received,
            frames_processed=stats.processed,
            frames_dropped=stats.dropped,
            frames_refused=stats.refused_total,
            engine=pipeline.engine.name,
            detector=pipeline.detector.name,
            detector_runs=stats.detector_runs,
        )
        return FrameResult(frame, header, result, progress, settings)

    def _count_odd_headers(
        self, frame: Frame, arrival: Arrival, stats: FlowStats, stamp_problem: str
    ) -> None:
        """Count unusual header values for the diagnostics; such a frame is processed."""
        stamp = frame.stamp_ns
        stats.age_ns = arrival.received_ns - stamp if stamp else None
        nanosec = int(arrival.message.header.stamp.nanosec)
        odd = {
            stamp_problem: bool(stamp_problem),
            "stamp is ahead of the clock": stamp > arrival.received_ns + AHEAD_NS,
            "stamp has a nanosec over 999999999": nanosec > 999_999_999,
            "frame_id is empty": not frame.frame_id.strip("/"),
        }
        stats.odd.update(what for what, is_so in odd.items() if is_so)
        if stamp_problem:
            self._host.warn(f"{stamp_problem}: tracking counts images instead", stamp_problem)

    def _publish(self, frame: FrameResult) -> None:
        began = time.perf_counter_ns()
        self._host.publish(frame)
        self._publish_ns = time.perf_counter_ns() - began
