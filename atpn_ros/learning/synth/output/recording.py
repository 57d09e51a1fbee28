# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes sequences as PNG frames, a video or a rosbag2 bag, with labels in ``truth.jsonl``.

A line of ``truth.jsonl`` is one frame: index, stamp, camera matrix and the labels of its faces.
The bag is written without ROS, by the ``rosbags`` library.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from atpn_ros.drawing.video import VideoWriter
from atpn_ros.files import atomic_replace
from atpn_ros.learning.synth.output import shards
from atpn_ros.learning.synth.render.sequences import SequenceFrame, SequenceRenderer
from atpn_ros.types import AtpnError

TOPIC = "/camera/image/compressed"
INFO_TOPIC = "/camera/camera_info"
FRAME_ID = "camera"
KINDS = ("frames", "video", "bag")
_START_NS = 1_000_000_000
"""Stamps in a bag begin here: 0 means "unset" to ROS."""
_QUALITY = 92


class RecordingError(AtpnError):
    """A sequence that cannot be written."""


def write(renderer: SequenceRenderer, folder: Path, kind: str) -> int:
    """Write a sequence as ``frames``, ``video`` or ``bag``; returns how many frames it has.

    Raises:
        RecordingError: The folder cannot be written, holds a bag, or a library is missing.
    """
    writer: Callable[[SequenceRenderer, Path, Iterator[SequenceFrame]], None]
    writer = {"frames": _frames, "video": _video, "bag": _bag}[kind]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_replace(folder / "truth.jsonl") as part, part.open("wb") as truth:
            count = 0

            def labelled() -> Iterator[SequenceFrame]:
                nonlocal count
                for frame in renderer.frames():
                    truth.write(
                        shards.to_json_line(record(frame, _START_NS if kind == "bag" else 0))
                    )
                    count += 1
                    yield frame

            writer(renderer, folder, labelled())
        return count
    except OSError as error:
        raise RecordingError(f"{folder}: {error}") from error


def record(frame: SequenceFrame, start_ns: int = 0) -> dict[str, Any]:
    """A frame's truth as plain numbers."""
    height, width = frame.image.shape[:2]
    return {
        "index": frame.index,
        "stamp_ns": frame.stamp_ns + start_ns,
        "size": [width, height],
        "camera": np.round(frame.camera, 6).tolist(),
        "faces": [shards.face_record(f) for f in frame.faces],
    }


def _frames(renderer: SequenceRenderer, folder: Path, frames: Iterator[SequenceFrame]) -> None:
    (folder / "images").mkdir(exist_ok=True)
    for frame in frames:
        path = folder / "images" / f"{frame.index:06d}.png"
        path.write_bytes(shards.encode_png(frame.image))


def _video(renderer: SequenceRenderer, folder: Path, frames: Iterator[SequenceFrame]) -> None:
    video = VideoWriter(folder / "video.mp4", renderer.plan.fps)
    complete = False
    try:
        for frame in frames:
            video.write(frame.image)
        complete = True
    finally:
        video.close(keep=complete)


def _bag(renderer: SequenceRenderer, folder: Path, frames: Iterator[SequenceFrame]) -> None:
    if importlib.util.find_spec("rosbags") is None:
        raise RecordingError("rosbags is not installed: pip install 'atpn_ros[synth]'")
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.rosbag2.errors import WriterError
    from rosbags.typesys import Stores, get_typestore

    store = get_typestore(Stores.ROS2_HUMBLE)
    try:
        if (folder / "bag").exists():
            raise RecordingError(f"{folder / 'bag'}: exists already")
        with (
            atomic_replace(folder / "bag") as part,
            Writer(part, version=9, storage_plugin=StoragePlugin.MCAP) as bag,
        ):
            image_type, info_type = "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/CameraInfo"
            images = bag.add_connection(TOPIC, image_type, typestore=store)
            infos = bag.add_connection(INFO_TOPIC, info_type, typestore=store)
            for frame in frames:
                stamp = _START_NS + frame.stamp_ns
                header = _header(store, stamp)
                info = _camera_info(store, header, frame)
                bag.write(infos, stamp, store.serialize_cdr(info, info_type))
                quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
                data = np.asarray(cv2.imencode(".jpg", frame.image, quality)[1], np.uint8).ravel()
                image = store.types[image_type](header=header, format="jpeg", data=data)
                bag.write(images, stamp, store.serialize_cdr(image, image_type))
    except WriterError as error:
        raise RecordingError(f"{folder / 'bag'}: {error}") from error


def _header(store: Any, stamp: int) -> Any:
    time = store.types["builtin_interfaces/msg/Time"](
        sec=stamp // 1_000_000_000, nanosec=stamp % 1_000_000_000
    )
    return store.types["std_msgs/msg/Header"](stamp=time, frame_id=FRAME_ID)


def _camera_info(store: Any, header: Any, frame: SequenceFrame) -> Any:
    height, width = frame.image.shape[:2]
    k = frame.camera.ravel().astype(np.float64)
    p = np.c_[frame.camera, np.zeros(3)].ravel().astype(np.float64)
    roi = store.types["sensor_msgs/msg/RegionOfInterest"](
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    return store.types["sensor_msgs/msg/CameraInfo"](
        header=header, height=height, width=width, distortion_model="plumb_bob",
        d=np.zeros(5), k=k, r=np.eye(3).ravel(), p=p, binning_x=0, binning_y=0, roi=roi,
    )  # fmt: skip
