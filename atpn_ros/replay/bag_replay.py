# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replays one bag: processes its images in order and writes the node's outputs to a new bag.

The same bag gives the same bytes each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rosbags.interfaces import Connection

from atpn_ros.conversions import messages
from atpn_ros.engines import LoadControl
from atpn_ros.images.raw import BadImage
from atpn_ros.replay.bag_files import ReplayError
from atpn_ros.replay.bag_transforms import BagTransforms
from atpn_ros.replay.bags import BagReader, BagWriter, new_bag
from atpn_ros.replay.message_types import OUTPUT_TYPES, replay_typestore
from atpn_ros.replay.topic_replay import TopicCounts, TopicReplay
from atpn_ros.replay.topics import (
    INFO_TYPE,
    Stream,
    is_face_frame,
    is_node_output,
    recorded_nodes,
    streams,
    undecoded,
)
from atpn_ros.runtime import LoadedPipeline, load_pipeline
from atpn_ros.settings import Settings


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """One bag to replay.

    Attributes:
        source: The bag to read.
        target: The bag to write: a folder, or a file for ``ros1``.
        settings: Those of the node.
        topics: The image topics to process; empty: all.
        camera_info: The camera_info topic; empty: the one beside the image topic.
        format_name: Format of the new bag, see :data:`atpn_ros.replay.bags.FORMATS`.
        compress: Whether to compress the new bag.
        only_faces: Do not copy the original topics.
        answered_only: Only images for which the bag has a ``status`` message, which are those that
            the live node processed.
        strict: Stop at the first bad image or unknown type, instead of skipping it.
    """

    source: Path
    target: Path
    settings: Settings = field(default_factory=Settings)
    topics: tuple[str, ...] = ()
    camera_info: str = ""
    format_name: str = "mcap"
    compress: bool = False
    only_faces: bool = False
    answered_only: bool = False
    strict: bool = False


@dataclass(slots=True)
class ReplayResult:
    """Result of replaying one bag.

    Attributes:
        engine: Name of the backend that ran the network.
        topics: Counts by image topic.
        copied: Number of messages copied from the original topics.
        notes: Warnings for the user, one line each.
    """

    engine: str
    topics: dict[str, TopicCounts] = field(default_factory=dict)
    copied: int = 0
    notes: list[str] = field(default_factory=list)


ProgressCallback = Callable[[int, int], None]
"""Called after each image with the number of images done and of all images."""


def replay(job: ReplayJob, target: Path, progress: ProgressCallback | None = None) -> ReplayResult:
    """Replay one bag.

    Args:
        job: The bag and its options.
        target: Where to write the new bag; nothing may exist there yet.
        progress: Called after each image.

    Raises:
        ReplayError: The bag cannot be read, contains no images, or fails a ``strict`` check.
        AtpnError: The engine or the detector cannot be loaded.
    """
    with BagReader(job.source) as bag:
        if bag.note and job.strict:
            raise ReplayError(bag.note)
        found = streams(bag, job.topics, job.camera_info)
        total = sum(c.msgcount for c in bag.connections if c.topic in found)
        with (
            load_pipeline(job.settings, LoadControl()) as loaded,
            new_bag(target, job.format_name, job.compress) as out,
        ):
            work = _Replay(job, bag, out, found, loaded)
            for done in work.run():
                if progress is not None:
                    progress(done, total)
    return work.result


class _Replay:
    """State of the replay of one bag."""

    def __init__(
        self,
        job: ReplayJob,
        bag: BagReader,
        out: BagWriter,
        found: dict[str, Stream],
        loaded: LoadedPipeline,
    ) -> None:
        self._job, self._bag, self._out, self._engine = job, bag, out, loaded.engine
        self.result = ReplayResult(engine=loaded.engine.name)
        if bag.note:
            self._note(bag.note)
        for topic in undecoded(bag):
            self._note(f"left out: {bag.path}: {topic}: its image transport is not decoded")
        self._live_nodes = recorded_nodes(bag)
        self._live_stamps = self._status_stamps() if job.answered_only else None
        self._copied = self._copy_connections()
        self._types = replay_typestore(out.is_ros1)
        self._transforms = BagTransforms(bag, job.settings.looking_target)
        self._topics = {
            topic: TopicReplay(
                stream,
                loaded.new_pipeline(job.settings),
                job.settings,
                self._types,
                lambda why, topic=topic: self._note(f"{bag.path}: {topic}: {why}"),  # type: ignore[misc]
                self._transforms,
            )
            for topic, stream in found.items()
        }
        self.result.topics |= {topic: camera.counts for topic, camera in self._topics.items()}
        self._outputs = {
            (topic, name): out.add(stream.output(name), kind, self._types)
            for topic, stream in found.items()
            for name, kind in OUTPUT_TYPES.items()
        }

    def run(self) -> Iterator[int]:
        """Process the whole bag; yields the number of images done after each image."""
        cameras = self._topics
        infos = {c.stream.camera_info for c in cameras.values()}
        wanted = [
            c
            for c in self._bag.connections
            if c.topic in cameras
            or c.topic in infos
            or c.topic in self._copied
            or c in self._transforms.connections
        ]
        done = seen = 0
        for connection, time_ns, data in self._bag.messages(wanted):
            seen += 1
            self._copy(connection, time_ns, data)
            if connection in self._transforms.connections:
                self._transforms.add(connection, data)
            if connection.topic in infos and connection.msgtype == INFO_TYPE:
                info = messages.camera_info(self._bag.read(connection, data))
                for camera in cameras.values():
                    if camera.stream.camera_info == connection.topic:
                        camera.calibration.info = info
            if connection.topic in cameras:
                self._process(cameras[connection.topic], connection, time_ns, data)
                done += 1
                yield done
        for topic, camera in cameras.items():
            camera.counts.resets = dict(camera.pipeline.resets)
            if camera.counts.untracked:
                self._note(
                    f"{self._bag.path}: {topic}: faces in view beyond max_faces"
                    f" ({self._job.settings.max_faces}): up to {camera.counts.untracked}"
                )
            for problem, n in camera.counts.odd_stamps.items():
                self._note(
                    f"{self._bag.path}: {topic}: {problem} in {n} of {camera.counts.processed}"
                    " images: tracking counts images instead"
                )
        if self._engine.runtime_failures:
            why = self._engine.skipped_backends[-1]
            self._note(f"{self._bag.path}: not repeatable: {why}")
        counted = sum(c.msgcount for c in wanted)
        if seen != counted:  # without checksums, damage may raise no error
            words = f"{self._bag.path}: {seen} messages were found, its index counts {counted}"
            if self._job.strict:
                raise ReplayError(words)
            self._note(f"damaged: {words}")

    def _process(
        self, camera: TopicReplay, connection: Connection, time_ns: int, data: Any
    ) -> None:
        counts, topic = camera.counts, connection.topic
        try:
            try:
                message = self._bag.read(connection, data)
            except ReplayError as error:
                raise BadImage("broken_message", str(error)) from error
            if self._live_stamps is not None:
                stamp = (topic, messages.stamp_ns(message.header.stamp))
                if stamp[1] not in self._live_stamps:
                    counts.skipped += 1
                    return
            outputs = camera.process(message)
        except BadImage as error:
            counts.refused[error.reason] += 1
            where = (
                f"{self._job.source}: {topic}, image {counts.received + counts.skipped}: {error}"
            )
            if self._job.strict:
                raise ReplayError(where) from error
            if counts.refused[error.reason] == 1:
                self._note(f"refused: {where}")
            return
        for name, output in outputs:
            raw = (
                self._types.serialize_ros1(output, OUTPUT_TYPES[name])
                if self._out.is_ros1
                else self._types.serialize_cdr(output, OUTPUT_TYPES[name])
            )
            self._out.write(self._outputs[topic, name], time_ns, raw)

    def _copy_connections(self) -> set[str]:
        """Add the original topics that are copied to the new bag; returns their names."""
        if self._job.only_faces:
            return set()
        bag = self._bag
        copied, left_out = set(), set()
        for connection in bag.connections:
            if is_node_output(connection.topic, self._live_nodes):
                left_out.add(connection.topic)
            elif not bag.defines(connection):
                words = f"{bag.path}: {connection.topic}: the bag does not define its type"
                words += f" {connection.msgtype}"
                if self._job.strict:
                    raise ReplayError(words)
                self._note(f"left out: {words}")
            else:
                self._out.add_copy(bag, connection)
                copied.add(connection.topic)
        if left_out:
            names = ", ".join(sorted(left_out))
            self._note(f"left out: {bag.path}: existing outputs of a face_node: {names}")
        return copied

    def _copy(self, connection: Connection, time_ns: int, data: Any) -> None:
        if connection.topic in self._copied and not self._is_face_transform(connection, data):
            self._out.copy(connection, time_ns, data)
            self.result.copied += 1

    def _is_face_transform(self, connection: Connection, data: Any) -> bool:
        """Whether a message is a live node's ``/tf`` of faces, which the replay replaces."""
        if connection.topic != "/tf" or not self._live_nodes:
            return False
        names = [t.child_frame_id for t in self._bag.read(connection, data).transforms]
        return bool(names) and all(is_face_frame(name) for name in names)

    def _status_stamps(self) -> set[int]:
        status = [c for c in self._bag.connections if c.msgtype == OUTPUT_TYPES["status"]]
        stamps = {
            messages.stamp_ns(self._bag.read(connection, data).header.stamp)
            for connection, _, data in self._bag.messages(status)
        }
        if not stamps:
            raise ReplayError(
                f"{self._bag.path}: contains no status of a face_node: no image was processed live"
            )
        return stamps

    def _note(self, words: str) -> None:
        if words not in self.result.notes:
            self.result.notes.append(words)
