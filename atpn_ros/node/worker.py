# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The thread that owns the engine and answers the newest image; no ROS but the messages' fields.

Messages are left in a slot of one by whoever receives them; the thread takes the newest, decodes
it, has the pipeline look at it and hands the answer on. Nothing that happens to one frame ends it.
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
from atpn_ros.engines.engine_thread import EngineThread, Job
from atpn_ros.images import BadImage
from atpn_ros.node.frame_slot import FlowStats, NewestSlot
from atpn_ros.node.health import AHEAD_NS
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.runtime import LoadedPipeline
from atpn_ros.settings import Settings
from atpn_ros.types import AtpnError, FaceFrame, Frame, Image


@dataclass(frozen=True, slots=True)
class Arrival:
    """An image message and when it came, in the host's time."""

    message: Message
    received_ns: int


@dataclass(frozen=True, slots=True)
class FrameResult:
    """All that is known of one frame.

    Attributes:
        image: (H, W, 3) uint8 BGR, the decoded picture.
        header: The image message's own.
        result: Who is in it.
        progress: How the frame was dealt with.
        settings: Those that held for it.
    """

    image: Image
    header: Message
    result: FaceFrame
    progress: FrameProgress
    settings: Settings


class Host(Protocol):
    """What the worker needs of the node. Everything but ``settings`` is called in the thread."""

    settings: Settings

    def now_ns(self) -> int:
        """The time, of the clock that stamps are compared with."""

    def publish(self, answer: FrameResult) -> None:
        """Send an answer."""

    def warn(self, words: str, kind: str) -> None:
        """Tell of trouble with a frame; not more often than people can read, for each kind."""

    def tell(self, words: str) -> None:
        """Tell of the engine: progress while it loads, trouble after that."""


class Worker:
    """Loads an engine in a thread of its own, and answers images there between start and stop.

    Args:
        host: Whom it works for.
        load: Makes what looks at the frames; called in the thread.
    """

    def __init__(self, host: Host, load: Callable[[LoadControl], LoadedPipeline]) -> None:
        self._host = host
        self.stats = FlowStats()
        self.calibration = Calibration()
        self._slot: NewestSlot[Arrival] = NewestSlot()
        self._slot.close()
        self._job: Job | None = None
        self._publish_ns = 0
        self._to_forget = ""
        self._last_stamp_ns: int | None = None
        self._owner = EngineThread(load, LoadedPipeline.close, host.tell)

    @property
    def sight(self) -> LoadedPipeline | None:
        """What looks at the frames; None while it loads, and where that failed."""
        return self._owner.value

    @property
    def error(self) -> AtpnError | None:
        """Why it could not be loaded."""
        return self._owner.error

    @property
    def settled(self) -> bool:
        """Whether loading is over, in one way or the other."""
        return self._owner.settled

    def wait(self, seconds: float) -> bool:
        """Wait for the loading to be over; whether it is."""
        return self._owner.wait(seconds)

    def start(self) -> None:
        """FrameResult images from now on, or as soon as the engine is there. Counts begin anew."""
        stats, slot = FlowStats(), NewestSlot[Arrival]()
        self.stats, self._slot = stats, slot
        self._job = self._owner.submit(lambda: self._work(slot, stats))

    def put(self, message: Message, received_ns: int) -> None:
        """Leave the newest image; an older one that still waits is dropped for it."""
        self.stats.received += 1
        self.stats.last_received_ns = time.monotonic_ns()
        if self._slot.put(Arrival(message, received_ns)):
            self.stats.dropped += 1

    def calibrate(self, info: CameraInfo) -> None:
        """Take a calibration for the images to come."""
        self.calibration.info = info

    def lose(self, count: int) -> None:
        """Count images that were lost on the way here."""
        self.stats.lost += count

    def forget(self, why: str) -> None:
        """Forget the faces before the next image."""
        self._to_forget = why

    def stop(self, seconds: float) -> bool:
        """Forget the faces and answer nothing more; whether the frame at hand was finished in time.

        One that was not is finished later, and its answer thrown away.
        """
        self._slot.close()
        job, self._job = self._job, None
        # While the engine loads the job has not begun, and will find its slot closed.
        return job is None or not self._owner.settled or job.done.wait(seconds)

    def close(self, seconds: float) -> bool:
        """Stop, and free the engine; whether that was done in time."""
        self._slot.close()
        self._job = None
        return self._owner.close(seconds)

    # In the thread --------------------------------------------------------------------------------

    def _work(self, slot: NewestSlot[Arrival], stats: FlowStats) -> None:
        if self._owner.value is None:
            return
        pipeline = self._owner.value.pipeline
        pipeline.reset("activated")
        while not slot.closed:
            arrival = slot.take(timeout_s=0.5)
            if arrival is None:
                continue
            try:
                answer = self._look(pipeline, arrival, stats)
                if not slot.closed:
                    self._send(answer)
            except BadImage as error:
                stats.refused[error.reason] += 1
                self._host.warn(f"image refused, {error}", error.reason)
            except Exception as error:  # one bad frame must never silence the node
                kind = type(error).__name__
                stats.refused[kind] += 1
                self._host.warn(f"frame failed: {kind}: {error}", kind)
        pipeline.reset("deactivated")

    def _look(self, pipeline: FacePipeline, arrival: Arrival, stats: FlowStats) -> FrameResult:
        host, message = self._host, arrival.message
        settings, header = host.settings, message.header
        started_ns = host.now_ns()
        began = time.perf_counter_ns()
        image = messages.decode_image(message, settings.max_pixels)
        decode_ns = time.perf_counter_ns() - began
        height, width = image.shape[:2]
        camera = self.calibration.camera(
            width, height, header.frame_id, lambda what: host.warn(what, "camera_info")
        )
        pipeline.settings = settings.pipeline_settings()
        frame = Frame(image, messages.stamp_ns(header.stamp), header.frame_id)
        self._look_at_header(frame, arrival, stats)
        resets = dict(pipeline.resets)
        if self._to_forget:
            why, self._to_forget = self._to_forget, ""
            pipeline.reset(why)
        result = pipeline.process(frame, camera)
        for why in {why for why, n in pipeline.resets.items() if n != resets.get(why)}:
            host.warn(f"faces forgotten: {why}", why)
        finished_ns = host.now_ns()
        stats.processed += 1
        stats.detector_runs += result.detector_ran
        stats.latency_ns.append(max(0, finished_ns - frame.stamp_ns))
        progress = FrameProgress(
            received_ns=arrival.received_ns,
            started_ns=started_ns,
            finished_ns=finished_ns,
            decode_ns=decode_ns,
            publish_ns=self._publish_ns,
            frames_received=stats.received,
            frames_processed=stats.processed,
            frames_dropped=stats.dropped,
            frames_refused=stats.refused_total,
            engine=pipeline.engine.name,
            detector=pipeline.detector.name,
            detector_runs=stats.detector_runs,
        )
        return FrameResult(image, header, result, progress, settings)

    def _look_at_header(self, frame: Frame, arrival: Arrival, stats: FlowStats) -> None:
        """Count what is odd, so that it can be told; nothing here stops a frame."""
        stamp = frame.stamp_ns
        stats.age_ns = arrival.received_ns - stamp if stamp else None
        nanosec = int(arrival.message.header.stamp.nanosec)
        odd = {
            "stamp is zero": stamp == 0,
            "stamp is ahead of the clock": stamp > arrival.received_ns + AHEAD_NS,
            "stamp is that of the image before": stamp != 0 and stamp == self._last_stamp_ns,
            "stamp has a nanosec over 999999999": nanosec > 999_999_999,
            "frame_id is empty": not frame.frame_id.strip("/"),
        }
        stats.odd.update(what for what, is_so in odd.items() if is_so)
        self._last_stamp_ns = stamp

    def _send(self, answer: FrameResult) -> None:
        began = time.perf_counter_ns()
        self._host.publish(answer)
        self._publish_ns = time.perf_counter_ns() - began
