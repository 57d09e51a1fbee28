# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""All that the node sends about faces, in one table; made and destroyed here and nowhere else."""

from __future__ import annotations

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
from atpn_ros.node.rep155_publishers import MISSING, FaceTopics, load_kinds
from atpn_ros.node.worker import FrameResult


@dataclass(frozen=True, slots=True)
class Output:
    """One topic.

    Attributes:
        topic: Its name.
        kind: The message class.
        make: The message for an answer; None: nothing this time. Called by the worker, and only
            while somebody listens.
        depth: Of its queue; all outputs are reliable.
    """

    topic: str
    kind: type
    make: Callable[[FrameResult], Message | None]
    depth: int = 10


def _transforms(answer: FrameResult) -> Message | None:
    if not answer.settings.publish_tf:
        return None
    message = ros_messages.transforms(answer.result, answer.header, answer.settings.frame_name)
    return message if message.transforms else None


def _debug_image(answer: FrameResult) -> Message:
    return ros_messages.image_message(draw.draw(answer.image, answer.result), answer.header)


def _debug_jpeg(answer: FrameResult) -> Message:
    return ros_messages.compressed_message(draw.draw(answer.image, answer.result), answer.header)


def _markers(answer: FrameResult) -> Message:
    return ros_messages.marker_array(answer.result, answer.header, answer.settings.head_scale)


def _annotations(kinds: Any) -> tuple[Output, ...]:
    """Foxglove's lines over the picture, where its messages are installed."""
    if kinds is None:
        return ()

    def make(answer: FrameResult) -> Message:
        return image_annotations(kinds, answer.result, answer.header)

    return (Output("~/annotations", kinds.ImageAnnotations, make),)


OUTPUTS = (
    Output("~/landmarks", FaceLandmarksArray, lambda a: ros_messages.landmarks(a.result, a.header)),
    Output("~/boxes", FaceBoxArray, lambda a: ros_messages.boxes(a.result, a.header)),
    Output("~/head_poses", HeadPoseArray, lambda a: ros_messages.head_poses(a.result, a.header)),
    Output("~/gazes", GazeArray, lambda a: ros_messages.gazes(a.result, a.header)),
    Output("/tf", TFMessage, _transforms, depth=100),  # as tf2's TransformBroadcaster
    Output(
        "~/status", TrackingStatus, lambda a: ros_messages.status(a.result, a.header, a.progress)
    ),
    Output("~/markers", MarkerArray, _markers),
    *_annotations(foxglove),
    Output("~/debug_image", ImageMsg, _debug_image),
    Output("~/debug_image/compressed", CompressedImage, _debug_jpeg),
)
"""In the order in which they are sent: what robots wait for first, pictures for people last."""


class Publishers:
    """The publishers of all outputs, from configuring to cleaning up.

    Args:
        node: Whose topics they are.
        rep155: Whether faces get topics of their own too; without ``hri_msgs`` that is refused in
            the log.
        outputs: What is sent.
    """

    def __init__(
        self, node: Node, rep155: bool = False, outputs: tuple[Output, ...] = OUTPUTS
    ) -> None:
        self._node = node
        self._faces: FaceTopics | None = None
        if rep155:
            kinds = load_kinds()
            if kinds is None:
                node.get_logger().error(MISSING)
            else:
                self._faces = FaceTopics(node, kinds)
        self._open: list[tuple[Output, Publisher]] = [
            (o, node.create_publisher(o.kind, o.topic, QoSProfile(depth=o.depth))) for o in outputs
        ]

    def publish(self, answer: FrameResult) -> None:
        """Send what somebody listens to."""
        for output, publisher in self._open:
            if publisher.get_subscription_count():
                message = output.make(answer)
                if message is not None:
                    publisher.publish(message)
        if self._faces is not None:
            self._faces.publish(answer)

    def forget(self) -> None:
        """Nobody is seen any more: no face keeps topics of its own."""
        if self._faces is not None:
            self._faces.forget()

    def close(self) -> None:
        """Take the topics down."""
        for _, publisher in self._open:
            self._node.destroy_publisher(publisher)
        self._open = []
        if self._faces is not None:
            self._faces.close()
