# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One bag through the pipeline: every image, in order, and the answers beside it.

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
from atpn_ros.images import BadImage
from atpn_ros.replay.bags import BagReader, BagWriter, ReplayError, new_bag
from atpn_ros.replay.message_types import OUTPUT_TYPES, replay_typestore
from atpn_ros.replay.topic_replay import TopicCounts, TopicReplay
from atpn_ros.replay.topics import (
    INFO_TYPE,
    Stream,
    is_face_frame,
    is_old_answer,
    old_answers,
    streams,
)
from atpn_ros.runtime import load_pipeline
from atpn_ros.settings import Settings


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """One bag to replay.

    Attributes:
        source: The bag to read.
        target: The bag to write: a folder, or a file for ``ros1``.
        settings: As the live node's.
        topics: The image topics; empty: all.
        camera_info: The calibration's topic; empty: the one beside the image's.
        format_name: What to write, see :data:`atpn_ros.replay.bags.FORMATS`.
        compress: Whether to compress what is written.
        only_faces: Leave the original topics out.
        answered_only: Only the images that the bag holds a node's ``status`` about, which are those
            that the node saw.
        strict: Stop at the first bad image or unknown type, instead of leaving it out.
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
    """What came of a bag.

    Attributes:
        engine: The rung that ran the network.
        topics: By image topic.
        copied: Messages of the original topics that were copied.
        notes: What a person should know, a line each.
    """

    engine: str
    topics: dict[str, TopicCounts] = field(default_factory=dict)
    copied: int = 0
    notes: list[str] = field(default_factory=list)


ProgressCallback = Callable[[int, int], None]
"""Told after each image: how many were dealt with, and of how many."""


def replay(job: ReplayJob, target: Path, progress: ProgressCallback | None = None) -> ReplayResult:
    """Replay one bag.

    Args:
        job: What to do.
        target: Where to write, where nothing is yet; :mod:`atpn_ros.replay.results` moves it.
        progress: See there.

    Raises:
        ReplayError: It cannot be read, holds no images, or is not good enough for ``strict``.
        AtpnError: The engine or the detector cannot be had.
    """
    with BagReader(job.source) as bag:
        found = streams(bag, job.topics, job.camera_info)
        total = sum(c.msgcount for c in bag.connections if c.topic in found)
        with new_bag(target, job.format_name, job.compress) as out:
            work = _Replay(job, bag, out, found)
            try:
                for done in work.run():
                    if progress is not None:
                        progress(done, total)
            finally:
                work.close()
    return work.result


class _Replay:
    """One bag on its way through."""

    def __init__(
        self, job: ReplayJob, bag: BagReader, out: BagWriter, found: dict[str, Stream]
    ) -> None:
        self._job, self._bag, self._out = job, bag, out
        self._sight = load_pipeline(job.settings, LoadControl())
        self.result = ReplayResult(engine=self._sight.engine.name)
        self._old = old_answers(bag)
        self._answered = self._stamps_answered() if job.answered_only else None
        self._copied = self._copy_connections()
        self._types = replay_typestore(out.is_ros1)
        self._cameras = {
            topic: TopicReplay(
                stream,
                self._sight.new_pipeline(job.settings),
                job.settings,
                self._types,
                lambda why, topic=topic: self._note(f"{bag.path}: {topic}: {why}"),  # type: ignore[misc]
            )
            for topic, stream in found.items()
        }
        self.result.topics |= {topic: camera.tally for topic, camera in self._cameras.items()}
        self._outputs = {
            (topic, name): out.add(stream.output(name), kind, self._types)
            for topic, stream in found.items()
            for name, kind in OUTPUT_TYPES.items()
        }

    def close(self) -> None:
        """Free the engine."""
        self._sight.close()

    def run(self) -> Iterator[int]:
        """Go through the bag; gives the number of images dealt with after each."""
        cameras = self._cameras
        infos = {c.stream.camera_info for c in cameras.values()}
        wanted = [
            c
            for c in self._bag.connections
            if c.topic in cameras or c.topic in infos or c.topic in self._copied
        ]
        done = seen = 0
        for connection, time_ns, data in self._bag.messages(wanted):
            seen += 1
            self._copy(connection, time_ns, data)
            if connection.topic in infos and connection.msgtype == INFO_TYPE:
                info = messages.camera_info(self._bag.read(connection, data))
                for camera in cameras.values():
                    if camera.stream.camera_info == connection.topic:
                        camera.calibration.info = info
            if connection.topic in cameras:
                self._answer(cameras[connection.topic], connection, time_ns, data)
                done += 1
                yield done
        for camera in cameras.values():
            camera.tally.resets = dict(camera.pipeline.resets)
        if self._sight.engine.runtime_failures:
            self._note(
                f"{self._bag.path}: not repeatable: {self._sight.engine.skipped_backends[-1]}"
            )
        counted = sum(c.msgcount for c in wanted)
        if seen != counted:  # without checksums, damage may look like nothing at all
            words = f"{self._bag.path}: {seen} messages were found, its index counts {counted}"
            if self._job.strict:
                raise ReplayError(words)
            self._note(f"damaged: {words}")

    def _answer(self, camera: TopicReplay, connection: Connection, time_ns: int, data: Any) -> None:
        tally, topic = camera.tally, connection.topic
        try:
            try:
                message = self._bag.read(connection, data)
            except ReplayError as error:
                raise BadImage("broken_message", str(error)) from error
            if self._answered is not None:
                stamp = (topic, messages.stamp_ns(message.header.stamp))
                if stamp[1] not in self._answered:
                    tally.skipped += 1
                    return
            answers = camera.answer(message)
        except BadImage as error:
            tally.refused[error.reason] += 1
            where = f"{self._job.source}: {topic}, image {tally.received + tally.skipped}: {error}"
            if self._job.strict:
                raise ReplayError(where) from error
            if tally.refused[error.reason] == 1:
                self._note(f"refused: {where}")
            return
        for name, answer in answers:
            raw = (
                self._types.serialize_ros1(answer, OUTPUT_TYPES[name])
                if self._out.is_ros1
                else self._types.serialize_cdr(answer, OUTPUT_TYPES[name])
            )
            self._out.write(self._outputs[topic, name], time_ns, raw)

    def _copy_connections(self) -> set[str]:
        """Set up the original topics that go along; their names."""
        if self._job.only_faces:
            return set()
        bag = self._bag
        copied, left_out = set(), set()
        for connection in bag.connections:
            if is_old_answer(connection.topic, self._old):
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
            self._note(f"left out: {bag.path}: answers that it held already: {names}")
        return copied

    def _copy(self, connection: Connection, time_ns: int, data: Any) -> None:
        if connection.topic in self._copied and not self._is_old_transform(connection, data):
            self._out.copy(connection, time_ns, data)
            self.result.copied += 1

    def _is_old_transform(self, connection: Connection, data: Any) -> bool:
        """Whether it is a live node's ``/tf`` of faces, which this replay writes anew."""
        if connection.topic != "/tf" or not self._old:
            return False
        names = [t.child_frame_id for t in self._bag.read(connection, data).transforms]
        return bool(names) and all(is_face_frame(name) for name in names)

    def _stamps_answered(self) -> set[int]:
        about = [c for c in self._bag.connections if c.msgtype == OUTPUT_TYPES["status"]]
        stamps = {
            messages.stamp_ns(self._bag.read(connection, data).header.stamp)
            for connection, _, data in self._bag.messages(about)
        }
        if not stamps:
            raise ReplayError(f"{self._bag.path}: holds no status of a face_node, so none to go by")
        return stamps

    def _note(self, words: str) -> None:
        if words not in self.result.notes:
            self.result.notes.append(words)
