# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the image topics of a bag, their camera_info topics, and the topics of the outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from atpn_ros.replay.bags import BagReader, ReplayError

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO_TYPE = "sensor_msgs/msg/CameraInfo"

_NODE = "face_node"
_OTHER_TRANSPORTS = ("/compressedDepth", "/theora")
"""Topics of image_transport with an image message type, but neither JPEG nor PNG data."""


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


def streams(bag: BagReader, wanted: Sequence[str] = (), camera_info: str = "") -> dict[str, Stream]:
    """The image topics to process, by name.

    A single image topic gets the output topics of ``/face_node``. Of several, each gets a
    ``face_node`` and a ``tf_prefix`` by its camera's namespace, as in the launch files.

    Args:
        bag: An open bag.
        wanted: Image topics; empty: all but the compressed copies of raw topics.
        camera_info: The camera_info topic; empty: the one beside each image topic.

    Raises:
        ReplayError: The bag contains no images, or a given topic is not in it.
    """
    counts = {c.topic: 0 for c in bag.connections}
    for connection in bag.connections:
        counts[connection.topic] += connection.msgcount
    if not sum(counts.values()):
        raise ReplayError(f"{bag.path}: is empty: it contains no messages")
    images = _images(bag)
    for topic in wanted:
        if topic not in images:
            raise ReplayError(f"{bag.path}: no image topic {topic}; {_names(images)}")
    topics = [t for t in (wanted or _without_compressed_copies(images)) if counts[t]]
    if not topics:
        others = f"its topics: {', '.join(sorted(counts)[:8])}"
        raise ReplayError(f"{bag.path}: contains no images; {others}")
    infos = {c.topic for c in bag.connections if c.msgtype == INFO_TYPE}
    if camera_info and camera_info not in infos:
        raise ReplayError(f"{bag.path}: no camera_info topic {camera_info}; {_names(infos)}")
    one = len(topics) == 1
    names = _camera_names(topics)
    out = {}
    for topic in topics:
        info = camera_info or _camera_info_beside(topic, infos)
        if not info and one and len(infos) == 1:
            (info,) = infos
        camera = "" if one else names[topic]
        base = f"{camera}/{_NODE}"
        prefix = f"{camera.strip('/').replace('/', '_')}_" if camera else ""
        out[topic] = Stream(topic, info, base, prefix)
    return out


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


def _images(bag: BagReader) -> list[str]:
    old = recorded_nodes(bag)
    return [
        *dict.fromkeys(
            c.topic
            for c in bag.connections
            if c.msgtype in IMAGE_TYPES
            and not c.topic.endswith(_OTHER_TRANSPORTS)
            and not is_node_output(c.topic, old)
        )
    ]


def _without_compressed_copies(topics: Sequence[str]) -> list[str]:
    """The topics without the compressed copies of raw topics."""
    return [t for t in topics if t.removesuffix("/compressed") not in set(topics) - {t}]


def _camera_names(topics: Sequence[str]) -> dict[str, str]:
    """Each topic's namespace, or where these are not distinct, the topic itself."""
    spaces = [_namespace(topic) for topic in topics]
    apart = all(spaces) and len(set(spaces)) == len(spaces)
    return dict(zip(topics, spaces if apart else topics, strict=True))


def _namespace(topic: str) -> str:
    return topic.removesuffix("/compressed").rpartition("/")[0]


def _camera_info_beside(topic: str, infos: set[str]) -> str:
    """The camera_info topic beside an image topic, by the rule of image_transport; else empty."""
    beside = f"{_namespace(topic)}/camera_info"
    return beside if beside in infos else ""


def _names(topics: Sequence[str] | set[str]) -> str:
    return f"the bag has: {', '.join(sorted(topics))}" if topics else "the bag has none"
