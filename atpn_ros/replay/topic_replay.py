# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One image topic of a bag: image messages in, the live node's answers out.

The only clock is the images' stamps. What tells of a machine's speed says nothing here: in
``status`` all three times are the image's stamp and all durations 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rosbags.typesys.store import Typestore

from atpn_ros.camera import Calibration
from atpn_ros.conversions import messages
from atpn_ros.pipeline.pipeline import FacePipeline
from atpn_ros.replay.message_types import message_types
from atpn_ros.replay.topics import Stream
from atpn_ros.settings import Settings
from atpn_ros.types import FaceFrame, FaceState, Frame, Timing


@dataclass(slots=True)
class TopicCounts:
    """What came of one image topic."""

    received: int = 0
    processed: int = 0
    skipped: int = 0
    with_faces: int = 0
    detector_runs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    ids: set[int] = field(default_factory=set)
    resets: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For the summary."""
        return asdict(self) | {"refused": dict(self.refused), "ids": sorted(self.ids)}


class TopicReplay:
    """What the live node would be for one image topic.

    Attributes:
        calibration: Takes each camera_info as it comes.
        tally: What came of the images so far.
    """

    def __init__(
        self,
        stream: Stream,
        pipeline: FacePipeline,
        settings: Settings,
        types: Typestore,
        tell: Callable[[str], None],
    ) -> None:
        self.stream = stream
        self.pipeline = pipeline
        self.calibration = Calibration()
        self.tally = TopicCounts()
        self._settings = settings
        self._kinds = message_types(types)
        self._tell = tell

    def answer(self, message: Any) -> list[tuple[str, Any]]:
        """Everything that is to be said about an image: output and message.

        Raises:
            BadImage: It cannot be used.
        """
        tally, kinds, settings = self.tally, self._kinds, self._settings
        tally.received += 1
        image = messages.decode_image(message, settings.max_pixels)
        stamp = messages.stamp_ns(message.header.stamp)
        header = kinds.Header(frame_id=str(message.header.frame_id))
        header.stamp.sec = message.header.stamp.sec
        header.stamp.nanosec = message.header.stamp.nanosec
        camera = self.calibration.camera(
            image.shape[1], image.shape[0], header.frame_id, self._tell
        )
        result = self.pipeline.process(Frame(image, stamp, header.frame_id), camera)
        held = {face.id for face in result.faces if face.state is not FaceState.LOST}
        tally.processed += 1
        tally.with_faces += bool(held)
        tally.ids |= held
        tally.detector_runs += result.detector_ran
        out = [
            ("landmarks", messages.landmarks(kinds, result, header)),
            ("boxes", messages.boxes(kinds, result, header)),
            ("head_poses", messages.head_poses(kinds, result, header)),
            ("gazes", messages.gazes(kinds, result, header)),
        ]
        if settings.publish_tf:
            named = replace(settings, tf_prefix=settings.tf_prefix + self.stream.tf_prefix)
            transforms = messages.transforms(kinds, result, header, named.frame_name)
            if transforms.transforms:
                out.append(("tf", transforms))
        return [*out, ("status", self._status(result, header, stamp))]

    def _status(self, result: FaceFrame, header: Any, stamp: int) -> Any:
        tally = self.tally
        progress = messages.FrameProgress(
            received_ns=stamp,
            started_ns=stamp,
            finished_ns=stamp,
            decode_ns=0,
            publish_ns=0,
            frames_received=tally.received,
            frames_processed=tally.processed,
            frames_dropped=0,
            frames_refused=sum(tally.refused.values()),
            engine=self.pipeline.engine.name,
            detector=self.pipeline.detector.name,
            detector_runs=tally.detector_runs,
        )
        timeless = replace(result, timing=Timing())
        return messages.status(self._kinds, timeless, header, progress)
