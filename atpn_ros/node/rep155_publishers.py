# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Publishes REP-155 topics: the list of tracked faces and four topics for each face."""

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
    "rep155: hri_msgs is not installed, so no topics are published under /humans/faces; "
    "sudo apt install ros-$ROS_DISTRO-hri-msgs"
)


def import_hri_msgs() -> Any | None:
    """The module ``hri_msgs.msg``, None where it is not installed."""
    try:
        import hri_msgs.msg
    except ImportError:
        return None
    return hri_msgs.msg


Make = Callable[[Any, FrameResult, Face], Message]


def _cropped(kinds: Any, frame: FrameResult, face: Face) -> Message:
    return ros_messages.image_message(rep155.cropped(frame.image, face), frame.header)


def _aligned(kinds: Any, frame: FrameResult, face: Face) -> Message:
    return ros_messages.image_message(rep155.aligned(frame.image, face), frame.header)


def _roi(kinds: Any, frame: FrameResult, face: Face) -> Message:
    return rep155.roi(kinds, face, frame.result, frame.header)


def _landmarks(kinds: Any, frame: FrameResult, face: Face) -> Message:
    return rep155.landmarks(kinds, face, frame.result, frame.header)


class FaceTopics:
    """The publishers of the tracked faces; a lock allows calls from two threads.

    The worker's thread creates and destroys them; the executor's thread destroys them all.

    Args:
        node: The node that publishes.
        kinds: The module ``hri_msgs.msg``, or one with the same names.
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
        self._lock = threading.Lock()

    @property
    def has_subscribers(self) -> bool:
        """Whether the list of faces or a topic of a face has a subscriber."""
        with self._lock:
            every = [self._tracked, *(p for of_face in self._of_face.values() for p in of_face)]
            return any(publisher.get_subscription_count() for publisher in every)

    def publish(self, frame: FrameResult) -> None:
        """Create and destroy the topics of new and lost faces; publish those with subscribers."""
        prefix = frame.settings.tf_prefix
        tracked = {
            rep155.face_id(face.id, prefix): face
            for face in frame.result.faces
            if face.landmarks is not None
        }
        with self._lock:
            self._update_topics(tracked.keys())
            # After the topics exist: readers of the list subscribe to them.
            if self._tracked.get_subscription_count():
                self._tracked.publish(rep155.tracked(self._kinds, tuple(tracked), frame.header))
            for name, face in tracked.items():
                for (_, _, make), publisher in zip(self._topics, self._of_face[name], strict=True):
                    if publisher.get_subscription_count():
                        publisher.publish(make(self._kinds, frame, face))

    def close_face_topics(self) -> None:
        """Destroy the topics of all faces."""
        with self._lock:
            self._update_topics(set())

    def close(self) -> None:
        """Destroy all topics."""
        self.close_face_topics()
        self._destroy([self._tracked])

    def _update_topics(self, tracked: Set[str]) -> None:
        for lost in self._of_face.keys() - tracked:
            self._destroy(self._of_face.pop(lost))
        for name in tracked - self._of_face.keys():
            self._of_face[name] = [
                self._publisher(kind, f"{FACES}/{name}/{topic}") for topic, kind, _ in self._topics
            ]

    def _publisher(self, kind: type, topic: str) -> Publisher:
        # No event handlers: the executor would iterate over them while this thread adds some.
        no_events = PublisherEventCallbacks(use_default_callbacks=False)
        return self._node.create_publisher(
            kind, topic, QoSProfile(depth=1), event_callbacks=no_events
        )

    def _destroy(self, publishers: list[Publisher]) -> None:
        for publisher in publishers:
            self._node.destroy_publisher(publisher)
