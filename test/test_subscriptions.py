# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which topics the node listens to, after remapping."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from sensor_msgs.msg import CompressedImage, Image

from atpn_ros.node.subscriptions import Subscriptions, image_topic


@pytest.mark.parametrize(
    ("remappings", "raw", "compressed"),
    [
        ([], "/ns/image", "/ns/image/compressed"),
        (["image:=/cam/image_raw"], "/cam/image_raw", "/cam/image_raw/compressed"),
        (["image:=/cam/image/compressed"], "/cam/image/compressed", "/cam/image/compressed"),
        (["image/compressed:=/cam/jpeg"], "/ns/image", "/cam/jpeg"),
        (["image:=/cam/a", "image/compressed:=/cam/b"], "/cam/a", "/cam/b"),
    ],
)
def test_the_compressed_topic_follows_the_remapping_of_its_base(
    remappings: list[str], raw: str, compressed: str
) -> None:
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = rclpy.create_node(
        "face_node",
        context=context,
        namespace="/ns",
        cli_args=["--ros-args", *(word for rule in remappings for word in ("-r", rule))],
    )
    try:
        assert (image_topic(node, False), image_topic(node, True)) == (raw, compressed)
    finally:
        node.destroy_node()
        context.shutdown()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_camera_of_the_other_transport_is_noticed(compressed: bool) -> None:
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = rclpy.create_node("face_node", context=context, namespace="/ns")
    try:
        ignore = lambda *_: None  # noqa: E731
        subscriptions = Subscriptions(node, compressed, ignore, ignore, ignore, ignore)
        assert subscriptions.graph_status().other_transport == ""
        if compressed:
            node.create_publisher(Image, "image", 1)
        else:
            node.create_publisher(CompressedImage, "image/compressed", 1)
        status = subscriptions.graph_status()
        assert (status.publishers, status.other_transport) == (
            0,
            "raw" if compressed else "compressed",
        )
        if compressed:
            node.create_publisher(CompressedImage, "image/compressed", 1)
        else:
            node.create_publisher(Image, "image", 1)
        status = subscriptions.graph_status()
        assert (status.publishers, status.other_transport) == (1, "")
    finally:
        node.destroy_node()
        context.shutdown()
