# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which topics of a bag are images, which calibration is whose, and where the answers go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from atpn_ros.replay.bags import BagReader, ReplayError

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO_TYPE = "sensor_msgs/msg/CameraInfo"

_NODE = "face_node"
_NO_PICTURES = ("/compressedDepth", "/theora")
"""Transports of image_transport in messages of an image's type that are not JPEG or PNG."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One image topic and what goes with it.

    Attributes:
        topic: The images.
        camera_info: Their calibration's topic, empty if the bag has none.
        base: The node whose answers are written, e.g. ``/face_node``.
        tf_prefix: Goes before the names of faces on ``/tf``.
    """

    topic: str
    camera_info: str
    base: str
    tf_prefix: str = ""

    def output(self, name: str) -> str:
        """The topic of an output."""
        return "/tf" if name == "tf" else f"{self.base}/{name}"


def streams(bag: BagReader, wanted: Sequence[str] = (), camera_info: str = "") -> dict[str, Stream]:
    """The image topics to answer.

    One gets the answers of ``/face_node``. Of several, each gets a ``face_node`` and a
    ``tf_prefix`` by its camera's namespace, both as the launch files name them.

    Args:
        bag: Open.
        wanted: Image topics; empty: all but those that hold other topics' images once more.
        camera_info: The calibration's topic; empty: the one beside the images.

    Raises:
        ReplayError: There is no image to answer, or a named topic is none.
    """
    counts = {c.topic: 0 for c in bag.connections}
    for connection in bag.connections:
        counts[connection.topic] += connection.msgcount
    if not sum(counts.values()):
        raise ReplayError(f"{bag.path}: is empty: it holds no messages")
    images = _images(bag)
    for topic in wanted:
        if topic not in images:
            raise ReplayError(f"{bag.path}: {topic} is no image topic of it; {_names(images)}")
    topics = [t for t in (wanted or _without_twins(images)) if counts[t]]
    if not topics:
        others = f"its topics: {', '.join(sorted(counts)[:8])}"
        raise ReplayError(f"{bag.path}: holds no images; {others}")
    infos = {c.topic for c in bag.connections if c.msgtype == INFO_TYPE}
    if camera_info and camera_info not in infos:
        raise ReplayError(
            f"{bag.path}: {camera_info} is no camera_info topic of it; {_names(infos)}"
        )
    one = len(topics) == 1
    names = _camera_names(topics)
    out = {}
    for topic in topics:
        info = camera_info or _beside(topic, infos)
        if not info and one and len(infos) == 1:
            (info,) = infos
        camera = "" if one else names[topic]
        base = f"{camera}/{_NODE}"
        prefix = f"{camera.strip('/').replace('/', '_')}_" if camera else ""
        out[topic] = Stream(topic, info, base, prefix)
    return out


def old_answers(bag: BagReader) -> set[str]:
    """The nodes whose answers a bag holds already, by their topics' common name."""
    ours = [c.topic for c in bag.connections if c.msgtype.startswith("atpn_ros/")]
    return {topic.rpartition("/")[0] for topic in ours}


def is_old_answer(topic: str, nodes: set[str]) -> bool:
    """Whether a topic is among the answers of such nodes."""
    return topic.rpartition("/")[0].removesuffix("/debug_image") in nodes


def is_face_frame(name: str) -> bool:
    """Whether a TF frame is one of a face.

    >>> is_face_frame("left_face_12"), is_face_frame("base_link")
    (True, False)
    """
    return re.search(r"(face|gaze)_\d+$", name) is not None


def _images(bag: BagReader) -> list[str]:
    old = old_answers(bag)
    return [
        *dict.fromkeys(
            c.topic
            for c in bag.connections
            if c.msgtype in IMAGE_TYPES
            and not c.topic.endswith(_NO_PICTURES)
            and not is_old_answer(c.topic, old)
        )
    ]


def _without_twins(topics: Sequence[str]) -> list[str]:
    """Without the compressed copies of raw topics."""
    return [t for t in topics if t.removesuffix("/compressed") not in set(topics) - {t}]


def _camera_names(topics: Sequence[str]) -> dict[str, str]:
    """Each topic's namespace, or where those do not tell the topics apart, the topic itself."""
    spaces = [_namespace(topic) for topic in topics]
    apart = all(spaces) and len(set(spaces)) == len(spaces)
    return dict(zip(topics, spaces if apart else topics, strict=True))


def _namespace(topic: str) -> str:
    return topic.removesuffix("/compressed").rpartition("/")[0]


def _beside(topic: str, infos: set[str]) -> str:
    """The calibration beside an image topic, as image_transport looks for it."""
    beside = f"{_namespace(topic)}/camera_info"
    return beside if beside in infos else ""


def _names(topics: Sequence[str] | set[str]) -> str:
    return f"these are: {', '.join(sorted(topics))}" if topics else "there is none"
