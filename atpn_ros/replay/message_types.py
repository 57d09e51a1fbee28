# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Constructs this package's messages without ROS, from its ``msg/*.msg`` files, for bags."""

from __future__ import annotations

from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from atpn_ros import resources
from atpn_ros.conversions.messages import MessageConstructor, MessageTypes
from atpn_ros.types import Floats

_TF = "tf2_msgs/msg/TFMessage"
_OTHER_PACKAGES = {
    "Header": "std_msgs/msg/Header",
    "TFMessage": _TF,
    "TransformStamped": "geometry_msgs/msg/TransformStamped",
}

OUTPUT_TYPES = {
    "boxes": "atpn_ros/msg/FaceBoxArray",
    "landmarks": "atpn_ros/msg/FaceLandmarksArray",
    "head_poses": "atpn_ros/msg/HeadPoseArray",
    "gazes": "atpn_ros/msg/GazeArray",
    "status": "atpn_ros/msg/TrackingStatus",
    "tf": _TF,
}
"""The message type of each output."""


def replay_typestore(ros1: bool = False) -> Typestore:
    """The types of the ROS distribution and of this package.

    Raises:
        ResourceNotFoundError: The message definitions of this package are not installed.
    """
    store = get_typestore(Stores.ROS1_NOETIC if ros1 else Stores.ROS2_JAZZY)
    for path in sorted(resources.share_path("msg").glob("*.msg")):
        store.register(get_types_from_msg(path.read_text(), f"atpn_ros/msg/{path.stem}"))
    if _TF not in store.fielddefs:
        store.register(get_types_from_msg("geometry_msgs/TransformStamped[] transforms", _TF))
    return store


def message_types(store: Typestore) -> MessageTypes:
    """Constructors, from a store's types, for :mod:`atpn_ros.conversions.messages`."""
    names = [name for name in MessageTypes.__slots__ if name != "floats"]
    constructors = {
        n: _constructor(store, _OTHER_PACKAGES.get(n, f"atpn_ros/msg/{n}")) for n in names
    }
    return MessageTypes(**constructors, floats=_floats)


def _constructor(store: Typestore, kind: str) -> MessageConstructor:
    def construct(**given: Any) -> Any:
        message = _blank(store, kind)
        for name, value in given.items():
            setattr(message, name, value)
        return message

    return construct


def _blank(store: Typestore, kind: str) -> Any:
    """A message with the defaults that ROS's generated classes have: zeros, false, empty."""
    values: list[Any] = []
    field: Any  # rosbags' description: kind of node, and what of
    for _, field in store.fielddefs[kind][1]:
        node, of = field
        if node is Nodetype.NAME:
            values.append(_blank(store, of))
        elif node is Nodetype.BASE:
            values.append({"string": "", "bool": False}.get(of[0], 0))
        else:
            (inner, base), size = of
            numbers = inner is Nodetype.BASE and base[0] != "string"
            values.append(np.zeros(size, base[0]) if numbers else [])
    return store.types[kind](*values)


def _floats(values: Floats) -> Floats:
    return np.ascontiguousarray(values, np.float32).ravel()
