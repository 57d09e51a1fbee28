# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Table of the topics that the node publishes about faces, and their publishers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage
from sensor_msgs.msg import Image as ImageMsg
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

try:
    import foxglove_msgs.msg as foxglove
except ImportError:
    foxglove = None

from atpn_ros.conversions.annotations import image_annotations
from atpn_ros.conversions.messages import Message
from atpn_ros.drawing import draw
from atpn_ros.msg import FaceBoxArray, FaceLandmarksArray, GazeArray, HeadPoseArray, TrackingStatus
from atpn_ros.node import ros_messages
from atpn_ros.node.rep155_publishers import MISSING, FaceTopics, import_hri_msgs
from atpn_ros.node.worker import FrameResult


@dataclass(frozen=True, slots=True)
class Output:
    """A published topic.

    Attributes:
        topic: Its name.
        kind: The message class.
        make: Makes the message of a frame; None: no message. Called in the worker's thread, and
            only while the topic has subscribers.
        depth: Queue depth; all topics are reliable.
    """

    topic: str
    kind: type
    make: Callable[[FrameResult], Message | None]
    depth: int = 10


def _transforms(frame: FrameResult) -> Message | None:
    if not frame.settings.publish_tf:
        return None
    message = ros_messages.transforms(frame.result, frame.header, frame.settings.frame_name)
    return message if message.transforms else None


def _debug_image(frame: FrameResult) -> Message:
    return ros_messages.image_message(draw.draw(frame.image, frame.result), frame.header)


def _debug_jpeg(frame: FrameResult) -> Message:
    return ros_messages.compressed_message(draw.draw(frame.image, frame.result), frame.header)


def _markers(frame: FrameResult) -> Message:
    return ros_messages.marker_array(frame.result, frame.header, frame.settings.head_scale)


def _annotations(kinds: Any) -> tuple[Output, ...]:
    """The topic of Foxglove image annotations, if ``foxglove_msgs`` is installed."""
    if kinds is None:
        return ()

    def make(frame: FrameResult) -> Message:
        return image_annotations(kinds, frame.result, frame.header)

    return (Output("~/annotations", kinds.ImageAnnotations, make),)


OUTPUTS = (
    Output("~/landmarks", FaceLandmarksArray, lambda f: ros_messages.landmarks(f.result, f.header)),
    Output("~/boxes", FaceBoxArray, lambda f: ros_messages.boxes(f.result, f.header)),
    Output("~/head_poses", HeadPoseArray, lambda f: ros_messages.head_poses(f.result, f.header)),
    Output("~/gazes", GazeArray, lambda f: ros_messages.gazes(f.result, f.header)),
    Output("/tf", TFMessage, _transforms, depth=100),  # as tf2's TransformBroadcaster
    Output(
        "~/status", TrackingStatus, lambda f: ros_messages.status(f.result, f.header, f.progress)
    ),
    Output("~/markers", MarkerArray, _markers),
    *_annotations(foxglove),
    Output("~/debug_image", ImageMsg, _debug_image),
    Output("~/debug_image/compressed", CompressedImage, _debug_jpeg),
)
"""In the order of publishing: first the data that robots wait for, last the images for people."""


class Publishers:
    """The publishers of all topics, from configuring to cleaning up.

    Args:
        node: The node that publishes.
        rep155: Whether to publish the topics of REP-155 too; an error is logged without
            ``hri_msgs``.
        outputs: The topics.
    """

    def __init__(
        self, node: Node, rep155: bool = False, outputs: tuple[Output, ...] = OUTPUTS
    ) -> None:
        self._node = node
        self._faces: FaceTopics | None = None
        if rep155:
            kinds = import_hri_msgs()
            if kinds is None:
                node.get_logger().error(MISSING)
            else:
                self._faces = FaceTopics(node, kinds)
        self._open: list[tuple[Output, Publisher]] = [
            (o, node.create_publisher(o.kind, o.topic, QoSProfile(depth=o.depth))) for o in outputs
        ]

    def publish(self, frame: FrameResult) -> None:
        """Publish the topics that have subscribers; messages of the others are not computed."""
        for output, publisher in self._open:
            if publisher.get_subscription_count():
                message = output.make(frame)
                if message is not None:
                    publisher.publish(message)
        if self._faces is not None:
            self._faces.publish(frame)

    @property
    def has_subscribers(self) -> bool:
        """Whether any output has a subscriber other than this node."""
        if self._faces is not None and self._faces.has_subscribers:
            return True
        # With looking_target this node subscribes to /tf, on which it also publishes.
        own = Counter(subscription.topic_name for subscription in self._node.subscriptions)
        return any(
            publisher.get_subscription_count() > own[publisher.topic_name]
            for _, publisher in self._open
        )

    def close_face_topics(self) -> None:
        """Destroy the REP-155 topics of all faces."""
        if self._faces is not None:
            self._faces.close_face_topics()

    def close(self) -> None:
        """Destroy all publishers."""
        for _, publisher in self._open:
            self._node.destroy_publisher(publisher)
        self._open = []
        if self._faces is not None:
            self._faces.close()
