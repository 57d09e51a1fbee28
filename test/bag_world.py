# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small bags: a portrait before a camera, and whatever a test puts between."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.conversions import messages
from atpn_ros.replay.bags import BagReader, new_bag
from atpn_ros.replay.message_types import replay_typestore
from atpn_ros.types import Image
from portrait_files import HEIGHT, WIDTH, portrait

SECOND = 1_000_000_000
T0 = 1_000 * SECOND
STEP = SECOND // 15


@lru_cache
def types(ros1: bool = False) -> Any:
    return replay_typestore(ros1)


class Recorder:
    """Writes messages of a camera into a bag that is open."""

    def __init__(self, bag: Any) -> None:
        self.bag = bag
        self.types = types(bag.is_ros1)

    def header(self, n: int, frame_id: str = "camera_optical_frame") -> Any:
        kind = self.types.types["std_msgs/msg/Header"]
        time = self.types.types["builtin_interfaces/msg/Time"](*divmod(T0 + n * STEP, SECOND))
        sequence = [n] if self.bag.is_ros1 else []
        return kind(*sequence, time, frame_id)

    def write(self, topic: str, kind: str, n: int, *values: Any) -> None:
        message = self.types.types[kind](*values)
        serialise = self.types.serialize_ros1 if self.bag.is_ros1 else self.types.serialize_cdr
        connection = self.bag.add(topic, kind, self.types)
        self.bag.write(connection, T0 + n * STEP, serialise(message, kind))

    def image(
        self, n: int, topic: str = "/image", picture: Image | None = None, **change: Any
    ) -> None:
        picture = portrait() if picture is None else picture
        height, width = picture.shape[:2]
        values = {
            "header": self.header(n),
            "height": height,
            "width": width,
            "encoding": "bgr8",
            "is_bigendian": 0,
            "step": 3 * width,
            "data": picture.reshape(-1),
        } | change
        self.write(topic, "sensor_msgs/msg/Image", n, *values.values())

    def compressed(
        self, n: int, topic: str = "/image/compressed", data: bytes | None = None
    ) -> None:
        if data is None:
            data = cv2.imencode(".png", portrait())[1].tobytes()
        self.write(
            topic, "sensor_msgs/msg/CompressedImage", n, self.header(n), "png",
            np.frombuffer(data, np.uint8),
        )  # fmt: skip

    def info(self, n: int, topic: str = "/camera_info", focal: float = 300.0) -> None:
        k = np.array([focal, 0, 159.5, 0, focal, 119.5, 0, 0, 1])
        roi = self.types.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        self.write(
            topic, "sensor_msgs/msg/CameraInfo", n, self.header(n), HEIGHT, WIDTH, "plumb_bob",
            np.zeros(5), k, np.eye(3).ravel(), np.zeros(12), 0, 0, roi,
        )  # fmt: skip

    def words(self, n: int, topic: str = "/chatter") -> None:
        self.write(topic, "std_msgs/msg/String", n, f"word {n}")


def record(path: Path, write: Any, format_name: str = "mcap") -> Path:
    """A bag of what ``write`` does with a :class:`Recorder`."""
    with new_bag(path, format_name) as bag:
        write(Recorder(bag))
    return path


def show(recorder: Recorder, frames: int = 4) -> None:
    """A calibrated camera before a portrait, and somebody who talks."""
    for n in range(frames):
        recorder.info(n)
        recorder.image(n)
        recorder.words(n)


def read(path: Path) -> dict[str, list[tuple[int, Any]]]:
    """Times and messages by topic."""
    out: dict[str, list[tuple[int, Any]]] = {}
    with BagReader(path) as bag:
        for connection in bag.connections:
            out[connection.topic] = []
        for connection, time_ns, data in bag.messages(bag.connections):
            out[connection.topic].append((time_ns, bag.read(connection, data)))
    return out


def stamps(recorded: list[tuple[int, Any]]) -> list[int]:
    """The frames' numbers, from the messages' own stamps."""
    return [(messages.stamp_ns(m.header.stamp) - T0) // STEP for _, m in recorded]
