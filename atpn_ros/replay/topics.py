# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the image topics of a bag, their camera_info topics, and the topics of the outputs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from atpn_ros.replay.bag_files import ReplayError
from atpn_ros.replay.bags import BagReader

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO_TYPE = "sensor_msgs/msg/CameraInfo"

_NODE = "face_node"
_RAW = IMAGE_TYPES[0]
_PACKET_TYPES = (
    "theora_image_transport/msg/Packet",
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket",
    "foxglove_msgs/msg/CompressedVideo",
)
"""Types of image_transport's compressed videos, which are not decoded."""
_TRANSPORTS = ("compressed", "compressedDepth", "theora", "zstd", "ffmpeg", "avif", "foxglove")
"""Transports of image_transport, each the last part of a topic's name; only the first is decoded:
JPEG and PNG."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One image topic, its calibration and the names of its outputs.

    Attributes:
        topic: The image topic.
        camera_info: The camera_info topic, empty if the bag has none.
        base: Namespace of the output topics, e.g. ``/face_node``.
        tf_prefix: Prefix of the frames of faces on ``/tf``.
    """

    topic: str
    camera_info: str
    base: str
    tf_prefix: str = ""

    def output(self, name: str) -> str:
        """The topic of an output."""
        return "/tf" if name == "tf" else f"{self.base}/{name}"


@dataclass(frozen=True, slots=True)
class _ImageTopic:
    """The camera of an image topic, its name without the transport, and whether it is decoded."""

    camera: str
    decoded: bool


def streams(bag: BagReader, wanted: Sequence[str] = (), camera_info: str = "") -> dict[str, Stream]:
    """The image topics to process, by name.

    A single camera gets the output topics of ``/face_node``. Of several in the bag, each gets a
    ``face_node`` and a ``tf_prefix`` by its namespace, as in the launch files.

    Args:
        bag: An open bag.
        wanted: Image topics; empty: one of each camera, the raw one if there is one.
        camera_info: The camera_info topic; empty: the one beside each image topic.

    Raises:
        ReplayError: The bag contains no images, or a given topic is not in it.
    """
    counts: Counter[str] = Counter()
    for connection in bag.connections:
        counts[connection.topic] += connection.msgcount
    if not sum(counts.values()):
        raise ReplayError(f"{bag.path}: is empty: it contains no messages")
    images = _images(bag)
    readable = [topic for topic, image in images.items() if image.decoded]
    for topic in wanted:
        if topic not in readable:
            why = "its transport is not decoded" if topic in images else "no such image topic"
            raise ReplayError(f"{bag.path}: {topic}: {why}; {_names(readable)}")
    # Of each camera the raw topic, else the compressed one.
    cameras: dict[str, str] = {}
    for topic in sorted(readable, key=lambda t: t != images[t].camera):
        if counts[topic]:
            cameras.setdefault(images[topic].camera, topic)
    topics = [t for t in (wanted or cameras.values()) if counts[t]]
    if not topics:
        raise ReplayError(f"{bag.path}: contains no images{_other_topics(bag, images, counts)}")
    infos = {c.topic for c in bag.connections if c.msgtype == INFO_TYPE}
    if camera_info and camera_info not in infos:
        raise ReplayError(f"{bag.path}: no camera_info topic {camera_info}; {_names(infos)}")
    # All cameras of the bag, so that a name does not depend on the topics that are chosen.
    one = len(cameras) == 1
    names = _camera_names(list(cameras))
    out = {}
    for topic in topics:
        camera = images[topic].camera
        info = camera_info or _camera_info_beside(camera, infos)
        if not info and one and len(infos) == 1:
            (info,) = infos
        shared = sum(images[t].camera == camera for t in topics) > 1  # raw and compressed
        name = topic if shared else "" if one else names[camera]
        prefix = f"{name.strip('/').replace('/', '_')}_" if name else ""
        out[topic] = Stream(topic, info, f"{name}/{_NODE}", prefix)
    return {topic: out[topic] for topic in sorted(out, key=list(images).index)}


def undecoded(bag: BagReader) -> list[str]:
    """The image topics of cameras without any topic that is decoded."""
    images = _images(bag)
    seen = {image.camera for image in images.values() if image.decoded}
    return [topic for topic, image in images.items() if image.camera not in seen]


def recorded_nodes(bag: BagReader) -> set[str]:
    """The namespaces of face_nodes whose outputs a bag contains."""
    ours = [c.topic for c in bag.connections if c.msgtype.startswith("atpn_ros/")]
    return {topic.rpartition("/")[0] for topic in ours}


def is_node_output(topic: str, nodes: set[str]) -> bool:
    """Whether a topic is an output of one of the given nodes."""
    return topic.rpartition("/")[0].removesuffix("/debug_image") in nodes


def is_face_frame(name: str) -> bool:
    """Whether a TF frame has the name of a face's frame.

    >>> is_face_frame("left_face_12"), is_face_frame("base_link")
    (True, False)
    """
    return re.search(r"(face|gaze)_\d+$", name) is not None


def _images(bag: BagReader) -> dict[str, _ImageTopic]:
    old = recorded_nodes(bag)
    out = {}
    for c in bag.connections:
        if c.msgtype in (*IMAGE_TYPES, *_PACKET_TYPES) and not is_node_output(c.topic, old):
            camera, _, last = c.topic.rpartition("/")
            if c.msgtype == _RAW or last not in _TRANSPORTS or not camera:
                out[c.topic] = _ImageTopic(c.topic, c.msgtype in IMAGE_TYPES)
            else:
                out[c.topic] = _ImageTopic(camera, last == _TRANSPORTS[0])
    return out


def _other_topics(bag: BagReader, images: dict[str, _ImageTopic], counts: Counter[str]) -> str:
    """What a bag without images contains."""
    others = [topic for topic in images if counts[topic]]
    if others:
        return f" that are decoded; {others[0]}: its transport is not supported"
    return f"; its topics: {', '.join(sorted(counts)[:8])}"


def _camera_names(topics: Sequence[str]) -> dict[str, str]:
    """Each topic's namespace, or where these are not distinct, the topic itself."""
    spaces = [_namespace(topic) for topic in topics]
    apart = all(spaces) and len(set(spaces)) == len(spaces)
    return dict(zip(topics, spaces if apart else topics, strict=True))


def _namespace(camera: str) -> str:
    return camera.rpartition("/")[0]


def _camera_info_beside(camera: str, infos: set[str]) -> str:
    """The camera_info topic beside an image topic, by the rule of image_transport; else empty."""
    beside = f"{_namespace(camera)}/camera_info"
    return beside if beside in infos else ""


def _names(topics: Sequence[str] | set[str]) -> str:
    return f"the bag has: {', '.join(sorted(topics))}" if topics else "the bag has none"
