# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Processes the messages of one image topic into the messages that the node would publish.

The only clock is the images' stamps. The result does not depend on the machine's speed: in
``status`` all three times are the image's stamp and all durations are 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rosbags.typesys.store import Typestore

from atpn_ros.camera import Calibration, is_rectified
from atpn_ros.conversions import messages
from atpn_ros.images.raw import PixelDepth
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.pipeline.transform_tree import TransformError
from atpn_ros.replay.bag_transforms import BagTransforms
from atpn_ros.replay.message_types import message_types
from atpn_ros.replay.topics import Stream
from atpn_ros.settings import Settings
from atpn_ros.types import FaceFrame, FaceState, Floats, Frame, Timing


@dataclass(slots=True)
class TopicCounts:
    """Counts of one image topic."""

    received: int = 0
    processed: int = 0
    skipped: int = 0
    with_faces: int = 0
    detector_runs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    odd_stamps: Counter[str] = field(default_factory=Counter)
    """Number of images whose stamp is unusable for tracking, by the problem."""
    untracked: int = 0
    """Largest number of faces in view beyond max_faces."""
    ids: set[int] = field(default_factory=set)
    resets: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The counts as JSON values."""
        return asdict(self) | {
            "refused": dict(self.refused),
            "odd_stamps": dict(self.odd_stamps),
            "ids": sorted(self.ids),
        }


class TopicReplay:
    """Processes the images of one topic as the node would.

    Attributes:
        calibration: The camera's calibration; set its ``info`` for each camera_info message.
        counts: Counts of the images so far.
    """

    def __init__(
        self,
        stream: Stream,
        pipeline: FacePipeline,
        settings: Settings,
        types: Typestore,
        warn: Callable[[str], None],
        transforms: BagTransforms,
    ) -> None:
        self.stream = stream
        self.pipeline = pipeline
        self.calibration = Calibration()
        self.calibration.rectified = is_rectified(settings.calibration, stream.topic)
        self.counts = TopicCounts()
        self._settings = settings
        prefix = settings.tf_prefix + stream.tf_prefix
        self._frame_name = replace(settings, tf_prefix=prefix).frame_name
        self._types = message_types(types)
        self._warn = warn
        self._depth = PixelDepth()
        self._transforms = transforms
        self._warned_of_target = False

    def process(self, message: Any) -> list[tuple[str, Any]]:
        """Process an image message.

        Returns:
            The name and the message of each output.

        Raises:
            BadImage: The message does not hold a valid image.
        """
        counts, types, settings = self.counts, self._types, self._settings
        counts.received += 1
        image = messages.open_image(message, settings.max_pixels, self._depth)
        if self._depth.note:
            self._warn(self._depth.note)
        stamp = messages.stamp_ns(message.header.stamp)
        header = types.Header(frame_id=str(message.header.frame_id))
        header.stamp.sec = message.header.stamp.sec
        header.stamp.nanosec = message.header.stamp.nanosec
        camera = self.calibration.camera(
            image.shape[1], image.shape[0], header.frame_id, self._warn
        )
        frame = Frame(image, stamp, header.frame_id)
        result = self.pipeline.process(frame, camera, self._target_position(frame))
        tracked = {face.id for face in result.faces if face.state is not FaceState.LOST}
        counts.processed += 1
        if self.pipeline.stamp_problem:
            counts.odd_stamps[self.pipeline.stamp_problem] += 1
        counts.with_faces += bool(tracked)
        counts.ids |= tracked
        counts.untracked = max(counts.untracked, self.pipeline.untracked)
        counts.detector_runs += result.detector_ran
        out = [
            ("landmarks", messages.landmarks(types, result, header)),
            ("boxes", messages.boxes(types, result, header)),
            ("head_poses", messages.head_poses(types, result, header)),
            ("gazes", messages.gazes(types, result, header)),
        ]
        if settings.publish_tf:
            transforms = messages.transforms(types, result, header, self._frame_name)
            if transforms.transforms:
                out.append(("tf", transforms))
        return [*out, ("status", self._status(result, header, stamp))]

    def _target_position(self, frame: Frame) -> Floats | None:
        try:
            return self._transforms.position(frame.frame_id, frame.stamp_ns)
        except TransformError as error:
            if not self._warned_of_target:  # the age in the text changes with every image
                self._warned_of_target = True
                self._warn(str(error))
            return None

    def _status(self, result: FaceFrame, header: Any, stamp: int) -> Any:
        counts = self.counts
        progress = messages.FrameProgress(
            received_ns=stamp,
            started_ns=stamp,
            finished_ns=stamp,
            decode_ns=0,
            publish_ns=0,
            frames_received=counts.received,
            frames_processed=counts.processed,
            frames_dropped=0,
            frames_refused=sum(counts.refused.values()),
            engine=self.pipeline.engine.name,
            detector=self.pipeline.detector.name,
            detector_runs=counts.detector_runs,
        )
        timeless = replace(result, timing=Timing())
        return messages.status(self._types, timeless, header, progress)
