# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""REP-155's topics: the list of faces, and four topics for each, which go when their face goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Set
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image as ImageMsg

try:
    from rclpy.event_handler import PublisherEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks

from atpn_ros.conversions import rep155
from atpn_ros.conversions.messages import Message
from atpn_ros.node import ros_messages
from atpn_ros.node.worker import FrameResult
from atpn_ros.types import Face

FACES = "/humans/faces"
MISSING = (
    "rep155: hri_msgs is not installed, so nothing is sent under /humans/faces; "
    "sudo apt install ros-$ROS_DISTRO-hri-msgs"
)


def load_kinds() -> Any | None:
    """The module ``hri_msgs.msg``, None where it is not installed."""
    try:
        import hri_msgs.msg
    except ImportError:
        return None
    return hri_msgs.msg


Make = Callable[[Any, FrameResult, Face], Message]


def _cropped(kinds: Any, answer: FrameResult, face: Face) -> Message:
    return ros_messages.image_message(rep155.cropped(answer.image, face), answer.header)


def _aligned(kinds: Any, answer: FrameResult, face: Face) -> Message:
    return ros_messages.image_message(rep155.aligned(answer.image, face), answer.header)


def _roi(kinds: Any, answer: FrameResult, face: Face) -> Message:
    return rep155.roi(kinds, face, answer.result, answer.header)


def _landmarks(kinds: Any, answer: FrameResult, face: Face) -> Message:
    return rep155.landmarks(kinds, face, answer.result, answer.header)


class FaceTopics:
    """The publishers of the faces that are seen now.

    Faces come and go in the worker's thread, and all of them go when another one stops it.

    Args:
        node: Whose topics they are.
        kinds: ``hri_msgs.msg``, or what has the same names.
    """

    def __init__(self, node: Node, kinds: Any) -> None:
        self._node, self._kinds = node, kinds
        self._topics: tuple[tuple[str, type, Make], ...] = (
            ("roi", kinds.NormalizedRegionOfInterest2D, _roi),
            ("landmarks", kinds.FacialLandmarks, _landmarks),
            ("cropped", ImageMsg, _cropped),
            ("aligned", ImageMsg, _aligned),
        )
        self._tracked = self._publisher(kinds.IdsList, f"{FACES}/tracked")
        self._of_face: dict[str, list[Publisher]] = {}
        self._turn = threading.Lock()

    def publish(self, answer: FrameResult) -> None:
        """Open and close topics as faces come and go, and send what somebody listens to."""
        prefix = answer.settings.tf_prefix
        held = {
            rep155.face_id(face.id, prefix): face
            for face in answer.result.faces
            if face.landmarks is not None
        }
        with self._turn:
            self._follow(held.keys())
            # After the topics are there: who reads the list subscribes to them.
            if self._tracked.get_subscription_count():
                self._tracked.publish(rep155.tracked(self._kinds, tuple(held), answer.header))
            for name, face in held.items():
                for (_, _, make), publisher in zip(self._topics, self._of_face[name], strict=True):
                    if publisher.get_subscription_count():
                        publisher.publish(make(self._kinds, answer, face))

    def forget(self) -> None:
        """Take the topics of all faces down."""
        with self._turn:
            self._follow(set())

    def close(self) -> None:
        """Take all topics down."""
        self.forget()
        self._destroy([self._tracked])

    def _follow(self, held: Set[str]) -> None:
        for gone in self._of_face.keys() - held:
            self._destroy(self._of_face.pop(gone))
        for name in held - self._of_face.keys():
            self._of_face[name] = [
                self._publisher(kind, f"{FACES}/{name}/{topic}") for topic, kind, _ in self._topics
            ]

    def _publisher(self, kind: type, topic: str) -> Publisher:
        # Without event handlers, which the executor would walk over while this thread adds them.
        quiet = PublisherEventCallbacks(use_default_callbacks=False)
        return self._node.create_publisher(kind, topic, QoSProfile(depth=1), event_callbacks=quiet)

    def _destroy(self, publishers: list[Publisher]) -> None:
        for publisher in publishers:
            self._node.destroy_publisher(publisher)
