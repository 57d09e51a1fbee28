#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws boxes over the camera's image with cv_bridge, green for people who look at the robot.

Subscribes to ``image``, ``face_node/boxes`` and ``face_node/gazes``, which are matched by their
stamps, and publishes ``annotated_image``. A start for drawings of your own; all results are drawn
in ``face_node/debug_image``.

    ros2 run atpn_ros draw_over_image.py --ros-args -r image:=/camera/image_raw
"""

from collections import OrderedDict
from contextlib import suppress

import cv2
import rclpy
from cv_bridge import CvBridge
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from atpn_ros.msg import FaceBox, FaceBoxArray, GazeArray

KEPT = 30
"""Images that wait for their results: one second of an ordinary camera."""

GREEN, GREY = (80, 220, 80), (160, 160, 160)


class DrawOverImage(Node):
    """Keeps the latest images until the results with the same stamp arrive."""

    def __init__(self, **ros: object) -> None:
        super().__init__("draw_over_image", **ros)
        self.bridge = CvBridge()
        self.waiting: OrderedDict[tuple[int, int], dict[str, object]] = OrderedDict()
        self.publisher = self.create_publisher(Image, "annotated_image", 10)
        self.create_subscription(
            Image, "image", lambda m: self.take("image", m), qos_profile_sensor_data
        )
        self.create_subscription(
            FaceBoxArray, "face_node/boxes", lambda m: self.take("boxes", m), 10
        )
        self.create_subscription(GazeArray, "face_node/gazes", lambda m: self.take("gazes", m), 10)

    def take(self, name: str, message: object) -> None:
        """Keep a message; draw when the image and both results are there."""
        stamp = (message.header.stamp.sec, message.header.stamp.nanosec)
        parts = self.waiting.setdefault(stamp, {})
        parts[name] = message
        if len(parts) == 3:
            del self.waiting[stamp]
            self.draw(**parts)
        while len(self.waiting) > KEPT:  # images that the node has dropped
            self.waiting.popitem(last=False)

    def draw(self, image: Image, boxes: FaceBoxArray, gazes: GazeArray) -> None:
        """Publish the image with its boxes."""
        picture = self.bridge.imgmsg_to_cv2(image, "bgr8").copy()
        looking = {face.id for face in gazes.faces if face.looking}
        for face in boxes.faces:
            if face.state == FaceBox.STATE_LOST:
                continue
            x, y = face.center_x - face.width / 2, face.center_y - face.height / 2
            corner, size = (round(x), round(y)), (round(face.width), round(face.height))
            colour = GREEN if face.id in looking else GREY
            cv2.rectangle(picture, (*corner, *size), colour, 2)
            cv2.putText(picture, f"#{face.id}", corner, cv2.FONT_HERSHEY_SIMPLEX, 0.6, colour, 2)
        annotated = self.bridge.cv2_to_imgmsg(picture, "bgr8")
        annotated.header = image.header
        self.publisher.publish(annotated)


def main() -> None:
    """Run the node until Ctrl-C."""
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(DrawOverImage())
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
