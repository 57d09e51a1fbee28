# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image and camera_info subscriptions of the active node, and the status of their publishers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import (
    QoSCompatibility,
    QoSDurabilityPolicy,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_check_compatible,
    qos_policy_name_from_kind,
    qos_profile_sensor_data,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

try:
    from rclpy.event_handler import SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import SubscriptionEventCallbacks

from atpn_ros.node.diagnostics import GraphStatus
from atpn_ros.node.sequence_gaps import SequenceGaps

_QOS = QoSProfile(
    depth=1,
    history=qos_profile_sensor_data.history,
    reliability=qos_profile_sensor_data.reliability,
    durability=qos_profile_sensor_data.durability,
)
"""Best effort matches every publisher; depth 1, since only the newest image is processed."""

_NUMBERS_MESSAGES = hasattr(Subscription, "CallbackType")
"""Whether callbacks may receive a message's number; Humble's first releases only pass messages."""

_LATCHED = QoSProfile(
    depth=1,
    reliability=QoSReliabilityPolicy.RELIABLE,
    durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
)
"""Receives the last message of a publisher even if it was published before the node started."""


def image_topic(node: Node, compressed: bool) -> str:
    """The topic to subscribe to: ``image``, or the compressed one beside it, after remapping.

    The compressed topic follows a remapping of ``image``, with or without ``/compressed`` at its
    end, as with image_transport; a remapping of ``image/compressed`` itself takes precedence.
    """
    raw = str(node.resolve_topic_name("image"))
    if not compressed:
        return raw
    own = str(node.resolve_topic_name("image/compressed"))
    if own != str(node.resolve_topic_name("image/compressed", only_expand=True)):
        return own
    return raw if raw.endswith("/compressed") else f"{raw}/compressed"


class Subscriptions:
    """The subscriptions of one camera, from activating to deactivating.

    Args:
        node: The node that subscribes.
        compressed: Whether to subscribe to CompressedImage (JPEG or PNG) instead of Image.
        on_image: Called with each image message.
        on_camera_info: Called with each CameraInfo message.
        on_lost: Called with the number of images that the middleware reports as lost.
        on_missed: Called with the number of images that were published since the last one and did
            not arrive, for whatever reason; only while :meth:`graph_status` finds one publisher.
        on_incompatible: Called with the name of a QoS policy by which a publisher does not match.

    Attributes:
        topic: The resolved name of the image topic.
    """

    def __init__(
        self,
        node: Node,
        compressed: bool,
        on_image: Callable[[Any], None],
        on_camera_info: Callable[[Any], None],
        on_lost: Callable[[int], None],
        on_missed: Callable[[int], None],
        on_incompatible: Callable[[str], None],
    ) -> None:
        self._node = node
        self._kind = CompressedImage if compressed else Image
        self._policy = "QoS"

        def incompatible(event: Any) -> None:
            self._policy = qos_policy_name_from_kind(event.last_policy_kind).lower()
            on_incompatible(self._policy)

        self._gaps = SequenceGaps()

        def numbered_image(message: Any, info: dict[str, Any]) -> None:
            missed = self._gaps.missed(info.get("publication_sequence_number"))
            if missed:
                on_missed(missed)
            on_image(message)

        overrides = QoSOverridingOptions.with_default_policies()
        # The calibration first: when both wait, the executor takes it before the image.
        self._info = node.create_subscription(
            CameraInfo, "camera_info", on_camera_info, _QOS, qos_overriding_options=overrides
        )
        self._on_camera_info = on_camera_info
        self._latched_info: Any = None
        self._subscribe_to_latched_info()
        self._subscribe = lambda: node.create_subscription(
            self._kind,
            image_topic(node, compressed),
            numbered_image if _NUMBERS_MESSAGES else on_image,
            _QOS,
            qos_overriding_options=overrides,
            event_callbacks=SubscriptionEventCallbacks(
                incompatible_qos=incompatible,
                message_lost=lambda event: on_lost(int(event.total_count_change)),
            ),
        )
        self._image: Any = self._subscribe()
        self.topic = str(self._image.topic_name)
        self._qos = self._image.qos_profile

    @property
    def receives_images(self) -> bool:
        """Whether the image topic is subscribed to; set it to stop and to resume."""
        return self._image is not None

    @receives_images.setter
    def receives_images(self, wanted: bool) -> None:
        if wanted and self._image is None:
            self._gaps = SequenceGaps()
            self._image = self._subscribe()
        elif not wanted and self._image is not None:
            self._node.destroy_subscription(self._image)
            self._image = None

    def graph_status(self) -> GraphStatus:
        """Publishers of the image topic, and whether their type and QoS match.

        Called once a second; a latched calibration that has appeared since is subscribed to.
        """
        self._subscribe_to_latched_info()
        node = self._node
        publishers = node.get_publishers_info_by_topic(self.topic)
        self._gaps.set_publishers(len(publishers))
        wanted = f"sensor_msgs/msg/{self._kind.__name__}"
        incompatible = None
        for publisher in publishers:
            if publisher.topic_type != wanted:
                incompatible = f"type {publisher.topic_type}"
            elif self._incompatible_with(publisher.qos_profile):
                incompatible = self._policy
        return GraphStatus(
            topic=self.topic,
            idle=not self.receives_images,
            publishers=len(publishers),
            other_transport="" if publishers else self._other_transport(),
            incompatible=incompatible,
            duplicate_nodes=node.count_publishers(f"{node.get_fully_qualified_name()}/status") - 1,
        )

    def _other_transport(self) -> str:
        """The value of image_transport whose topic, beside this one, has a publisher."""
        if self._kind is Image:
            found = self._node.count_publishers(f"{self.topic}/compressed")
            return "compressed" if found else ""
        raw = self.topic.removesuffix("/compressed")
        return "raw" if raw != self.topic and self._node.count_publishers(raw) else ""

    def _incompatible_with(self, offered: QoSProfile) -> bool:
        compatibility, _ = qos_check_compatible(offered, self._qos)
        return bool(compatibility == QoSCompatibility.ERROR)

    def close(self) -> None:
        """Destroy the subscriptions."""
        for subscription in (self._image, self._info, self._latched_info):
            if subscription is not None:
                self._node.destroy_subscription(subscription)

    def _subscribe_to_latched_info(self) -> None:
        """Subscribe a second time if a publisher keeps its calibration for late subscribers.

        Only then: a driver whose publisher does not match would log a warning.
        """
        publishers = self._node.get_publishers_info_by_topic(self._info.topic_name)
        durability = QoSDurabilityPolicy.TRANSIENT_LOCAL
        if self._latched_info is None and any(
            publisher.qos_profile.durability == durability for publisher in publishers
        ):
            self._latched_info = self._node.create_subscription(
                CameraInfo,
                "camera_info",
                self._on_camera_info,
                _LATCHED,
                event_callbacks=SubscriptionEventCallbacks(incompatible_qos=lambda event: None),
            )
