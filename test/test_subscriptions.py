# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which topics the node listens to, after remapping."""

from __future__ import annotations

import time

import pytest

rclpy = pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CompressedImage, Image

from atpn_ros.node.subscriptions import _NUMBERS_MESSAGES, Subscriptions, image_topic


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
        subscriptions = Subscriptions(node, compressed, ignore, ignore, ignore, ignore, ignore)
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


@pytest.mark.skipif(not _NUMBERS_MESSAGES, reason="this rclpy does not pass message numbers")
def test_images_that_are_replaced_before_they_are_taken_are_counted() -> None:
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    node = rclpy.create_node("face_node", context=context, namespace="/ns")
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    got: list[str] = []
    missed: list[int] = []
    ignore = lambda *_: None  # noqa: E731

    def wait_for(frame_id: str) -> None:
        end = time.monotonic() + 60
        while frame_id not in got:
            assert time.monotonic() < end
            executor.spin_once(timeout_sec=0.1)

    try:
        subscriptions = Subscriptions(
            node, False, lambda m: got.append(m.header.frame_id), ignore, ignore, missed.append,
            ignore,
        )  # fmt: skip
        camera = node.create_publisher(Image, "image", 20)
        while camera.get_subscription_count() == 0:
            time.sleep(0.05)
        while subscriptions.graph_status().publishers == 0:
            time.sleep(0.05)

        def send(frame_id: str) -> None:
            message = Image()
            message.header.frame_id = frame_id
            camera.publish(message)

        send("first")
        wait_for("first")
        for n in range(5):  # nothing takes them meanwhile: the last replaces the others
            send(str(n))
        time.sleep(1.0)
        wait_for("4")
        assert len(got) + sum(missed) == 6
        assert sum(missed) > 0
        subscriptions.close()
    finally:
        executor.shutdown()
        node.destroy_node()
        context.shutdown()
