# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Looks up the TF frame of the setting ``looking_target`` in the transforms of a bag."""

from __future__ import annotations

from typing import Any

from rosbags.interfaces import Connection

from atpn_ros.conversions import messages
from atpn_ros.pipeline.looking import CAMERA_ORIGIN
from atpn_ros.pipeline.transform_tree import TransformError, TransformTree
from atpn_ros.replay.bags import BagReader
from atpn_ros.replay.message_types import OUTPUT_TYPES
from atpn_ros.types import Floats


class BagTransforms:
    """Position of the frame that people may look at, from the bag's ``/tf`` and ``/tf_static``.

    Static transforms apply to the whole bag, wherever they were recorded. Others apply from their
    place in the bag on, as a live node would have received them.

    Args:
        bag: An open bag.
        target: The TF frame; empty: the camera, then nothing is read.

    Attributes:
        connections: Those whose messages :meth:`add` takes, in the order of the bag.
    """

    def __init__(self, bag: BagReader, target: str) -> None:
        self._bag, self._target = bag, target
        self._tree = TransformTree()
        found = [
            c
            for c in bag.connections
            if target and c.msgtype == OUTPUT_TYPES["tf"] and bag.defines(c)
        ]
        static = [c for c in found if c.topic.endswith("/tf_static")]
        self.connections = [c for c in found if c not in static]
        for connection, _, data in bag.messages(static):
            messages.add_transforms(self._tree, bag.read(connection, data), is_static=True)

    def add(self, connection: Connection, data: Any) -> None:
        """Add a message of one of the connections."""
        messages.add_transforms(self._tree, self._bag.read(connection, data))

    def position(self, frame_id: str, stamp_ns: int) -> Floats:
        """Position of the target in a camera frame at the stamp of an image, (3,) metres.

        Raises:
            TransformError: It is not known.
        """
        if not self._target:
            return CAMERA_ORIGIN
        try:
            return self._tree.position(self._target, frame_id, stamp_ns)
        except TransformError as error:
            raise TransformError(f"looking_target {self._target!r}: {error}") from error
