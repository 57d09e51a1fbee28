# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which topics the node listens to, after remapping."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from atpn_ros.node.subscriptions import image_topic


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
