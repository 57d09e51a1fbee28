# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Looks up the TF frame of the parameter ``looking_target`` in the camera frame.

Subscribes to TF only while the target is a frame. The worker reads the position without waiting.
"""

from __future__ import annotations

import time
from typing import Any

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from tf2_msgs.msg import TFMessage

from atpn_ros.conversions import messages
from atpn_ros.pipeline.looking import CAMERA_ORIGIN
from atpn_ros.pipeline.transform_tree import TransformError, TransformTree
from atpn_ros.types import Floats

_DYNAMIC = QoSProfile(depth=100)  # as tf2's listener
_STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)

_START_NS = 2_000_000_000
"""Transforms may arrive this much later than the subscription without being reported missing."""


class LookingTarget:
    """The position of the frame that people may look at.

    Attributes:
        problem: Why the position is unknown; empty if it is known, or for the first two seconds.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._tree = TransformTree()
        self._subscriptions: list[Subscription] = []
        self._since_ns = 0
        self.problem = ""

    def listen(self, target: str) -> None:
        """Subscribe to TF if the target is a frame, and end the subscriptions if it is not."""
        self.problem = ""
        if bool(target) == bool(self._subscriptions):
            return
        if not target:
            self.close()
            return
        self._since_ns = time.monotonic_ns()
        node = self._node
        self._subscriptions = [
            node.create_subscription(TFMessage, "/tf", self._add, _DYNAMIC),
            node.create_subscription(TFMessage, "/tf_static", self._add_static, _STATIC),
        ]

    def position(self, target: str, frame_id: str, stamp_ns: int) -> Floats | None:
        """Position of the target in a camera frame; called in the worker's thread.

        Args:
            target: The TF frame; empty: the camera.
            frame_id: The image's frame.
            stamp_ns: The image's stamp.

        Returns:
            (3,) metres; None if unknown, then :attr:`problem` is the reason.
        """
        if not target:
            return CAMERA_ORIGIN
        try:
            position = self._tree.position(target, frame_id, stamp_ns)
        except TransformError as error:
            late = time.monotonic_ns() - self._since_ns > _START_NS
            self.problem = str(error) if late else ""
            return None
        self.problem = ""
        return position

    def forget(self) -> None:
        """Forget transforms that are not static, after a jump in time."""
        self._tree.clear()

    def close(self) -> None:
        """Destroy the subscriptions and forget all transforms."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        self._tree = TransformTree()

    def _add(self, message: Any) -> None:
        messages.add_transforms(self._tree, message)

    def _add_static(self, message: Any) -> None:
        messages.add_transforms(self._tree, message, is_static=True)
