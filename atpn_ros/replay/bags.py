# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads and writes rosbag2 (MCAP, sqlite3) and ROS 1 bags with the ``rosbags`` library.

Every error of a bag is raised as :class:`ReplayError`.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Reader as Reader2
from rosbags.rosbag2 import Writer as Writer2
from rosbags.rosbag2.storage_mcap import McapReader
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from atpn_ros.files import atomic_replace
from atpn_ros.replay.bag_files import ReplayError, find_storage, is_compressed, zstd

FORMATS = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3, "ros1": None}
"""Formats that a bag can be written in."""

_ROSBAG2_VERSION: Literal[8] = 8  # 9 writes QoS profiles in a way that Humble does not read
_HEADER = "std_msgs/msg/Header"

Raw = bytes | memoryview


class BagReader:
    """An open bag; a context manager.

    Args:
        path: A rosbag2 folder, an ``.mcap`` or ``.db3`` file, or a ROS 1 ``.bag`` file.

    Attributes:
        note: A warning about the bag, empty if there is none.

    Raises:
        ReplayError: The bag does not exist, is empty, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._default = get_typestore(Stores.ROS2_JAZZY)
        self._unpacked = ExitStack()
        try:
            files, self.note = find_storage(path)
            # Only the metadata contain whether the recorder compressed each message.
            self._has_metadata = files == [path] and path.is_dir()
            files = [self._unpacked.enter_context(_unpacked(file)) for file in files]
            self._reader = AnyReader(files, default_typestore=self._default)
            for reader in self._reader.readers:
                _scan_unindexed(reader)
            self._reader.open()
        except BaseException as error:
            self._unpacked.close()
            if isinstance(error, ReplayError) or not isinstance(error, Exception):
                raise
            # rosbags raises many types of errors on damaged files
            raise ReplayError(f"{path}: cannot be read: {_one_line(error)}") from error

    def __enter__(self) -> BagReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()
        self._unpacked.close()

    @property
    def is_ros1(self) -> bool:
        """Whether its messages are in ROS 1's wire format."""
        return not self._reader.is2

    @property
    def connections(self) -> list[Connection]:
        """Topic and type of all messages; a topic may have several connections."""
        return self._reader.connections

    @property
    def types(self) -> Typestore:
        """The types that the bag defines, or those of ROS 2 Jazzy for a bag that defines none."""
        return self._reader.typestore

    def defines(self, connection: Connection) -> bool:
        """Whether the type of a connection is known, so that its messages can be read."""
        return connection.msgtype in self.types.fielddefs

    def messages(
        self, connections: Collection[Connection]
    ) -> Iterator[tuple[Connection, int, Raw]]:
        """Connection, time in nanoseconds and bytes of every message, in order of time.

        Raises:
            ReplayError: The bag is damaged; the text contains after how many messages.
        """
        if not connections:  # rosbags would take that for "all"
            return
        messages, count = self._reader.messages(connections), 0
        while True:
            try:
                connection, time_ns, data = next(messages)
                if not self._has_metadata and is_compressed(data):
                    data = zstd.decompress(data)
            except StopIteration:
                return
            except Exception as error:
                raise ReplayError(
                    f"{self.path}: damaged after {count} messages: {_one_line(error)}"
                ) from error
            count += 1
            yield connection, time_ns, data

    def read(self, connection: Connection, data: Raw) -> Any:
        """Deserialise a message.

        Raises:
            ReplayError: The bytes are not a message of that type.
        """
        try:
            return self._reader.deserialize(bytes(data), connection.msgtype)
        except Exception as error:
            where = f"{self.path}: a broken {connection.msgtype} on {connection.topic}"
            raise ReplayError(f"{where}: {_one_line(error)}") from error


class BagWriter:
    """Writes messages to a bag; created by :func:`new_bag`."""

    def __init__(self, writer: Writer1 | Writer2) -> None:
        self._writer = writer
        self._made: dict[tuple[str, str], Connection] = {}
        self._copies: dict[tuple[int, object], tuple[Connection, Callable[[Raw], Raw]]] = {}

    @property
    def is_ros1(self) -> bool:
        """Whether messages are written in ROS 1's wire format."""
        return isinstance(self._writer, Writer1)

    def add(self, topic: str, kind: str, types: Typestore) -> Connection:
        """Add a topic of a type, or return its existing connection."""
        key = (topic, kind)
        if key not in self._made:
            self._made[key] = self._writer.add_connection(topic, kind, typestore=types)
        return self._made[key]

    def add_copy(self, source: BagReader, connection: Connection) -> None:
        """Add a topic of another bag, so that :meth:`copy` can copy its messages."""
        types, convert = _conversion(source, connection.msgtype, self.is_ros1)
        key = (connection.topic, connection.msgtype)
        if key not in self._made:
            if isinstance(self._writer, Writer1):
                latching = getattr(connection.ext, "latching", None)
                self._made[key] = self._writer.add_connection(
                    *key, typestore=types, latching=latching
                )
            else:
                offered = getattr(connection.ext, "offered_qos_profiles", [])
                self._made[key] = self._writer.add_connection(
                    *key, typestore=types, offered_qos_profiles=offered
                )
        self._copies[connection.id, connection.owner] = (self._made[key], convert)

    def copy(self, connection: Connection, time_ns: int, data: Raw) -> None:
        """Copy a message of another bag.

        Raises:
            ReplayError: The message is broken and must be converted between ROS 1 and ROS 2.
        """
        target, convert = self._copies[connection.id, connection.owner]
        try:
            converted = convert(data)
        except Exception as error:
            raise ReplayError(f"{connection.topic}: a broken {connection.msgtype}") from error
        self._writer.write(target, time_ns, converted)

    def write(self, connection: Connection, time_ns: int, data: Raw) -> None:
        """Write a serialised message."""
        self._writer.write(connection, time_ns, data)


@contextmanager
def new_bag(path: Path, format_name: str = "mcap", compress: bool = False) -> Iterator[BagWriter]:
    """Open a new bag for writing; it is complete when the block ends without an error.

    Args:
        path: Where nothing exists yet: a folder, or a file for ``ros1``.
        format_name: One of :data:`FORMATS`.
        compress: Whether its chunks are compressed (zstd, ROS 1: lz4; not with sqlite3).
    """
    plugin = FORMATS[format_name]
    writer: Writer1 | Writer2
    if plugin is None:
        writer = Writer1(path)
        if compress:
            writer.set_compression(Writer1.CompressionFormat.LZ4)
    else:
        writer = Writer2(path, version=_ROSBAG2_VERSION, storage_plugin=plugin)
        if compress and plugin is StoragePlugin.MCAP:
            writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with writer:
        yield BagWriter(writer)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Replace a file or folder atomically: yields a path in a hidden folder beside it to write to.

    What was written moves to ``path`` when the block ends without an error, else it is removed.

    Raises:
        ReplayError: The path cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The name stays: a bag's metadata names its own files.
        with atomic_replace(path) as part:
            yield part
    except OSError as error:
        raise ReplayError(f"{path}: cannot be written: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise ReplayError(f"{path}: cannot be written: {error}") from error


def _conversion(
    source: BagReader, kind: str, to_ros1: bool
) -> tuple[Typestore, Callable[[Raw], Raw]]:
    """The types of a copied message, and the conversion of its bytes to the other ROS."""
    if source.is_ros1 == to_ros1:
        return source.types, lambda data: data
    header = get_typestore(Stores.ROS1_NOETIC if to_ros1 else Stores.ROS2_JAZZY).fielddefs[_HEADER]
    types = get_typestore(Stores.EMPTY)
    types.register({**source.types.fielddefs, _HEADER: header})
    if to_ros1:
        return types, partial(source.types.cdr_to_ros1, typename=kind)
    return types, partial(types.ros1_to_cdr, typename=kind)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """A storage file, decompressed to a temporary file if its name ends in ``.zstd``."""
    if path.suffix != ".zstd":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, path.stem)
        with zstd.open(path, "rb") as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target)
        yield plain


class _ScannedMcap(McapReader):
    """An MCAP file, read from its beginning if its index does not name the topics."""

    def read_index(self) -> None:
        super().read_index()
        if not self.channels:
            self.chunks.clear()
            self.statistics = None


def _scan_unindexed(reader: Reader1 | Reader2) -> None:
    """Let a reader that is not open yet use :class:`_ScannedMcap`."""
    storage = getattr(reader, "storage", None)
    if isinstance(storage, McapReader):
        reader.storage = _ScannedMcap(storage.path)  # type: ignore[union-attr]
    elif storage is not None and hasattr(storage, "STORAGE_PLUGINS"):
        storage.STORAGE_PLUGINS = {**storage.STORAGE_PLUGINS, "mcap": _ScannedMcap}


def _one_line(error: Exception) -> str:
    """The message of an error as one short line."""
    words = " ".join(str(error).split())
    if "end magic" in words:
        words = "the file was cut off: it has no end (try: mcap recover)"
    if words.startswith("Could not parse"):
        words = f"a message definition in it is not understood: {words}"
    if "Profile is not ros2" in words:
        words = "an MCAP file without ROS 2 messages: of ROS 1, JSON or Protobuf, for example"
    return words[:200] if words else type(error).__name__
