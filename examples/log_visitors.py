#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logs who came, who looked at the robot, and who left after how long.

Subscribes to ``face_node/boxes`` and ``face_node/gazes``. A face that is lost and found again
within ``patience`` seconds has not left. All times are those of the images.

    ros2 run atpn_ros log_visitors.py
"""

from contextlib import suppress
from dataclasses import dataclass

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Header

from atpn_ros.msg import FaceBox, FaceBoxArray, GazeArray


@dataclass
class Visitor:
    """One person, by the id of the face."""

    came_s: float
    seen_s: float
    looked: bool = False


def seconds(header: Header) -> float:
    """The stamp of an image."""
    return header.stamp.sec + header.stamp.nanosec * 1e-9


class LogVisitors(Node):
    """Keeps a table of the people who are present."""

    def __init__(self, **ros: object) -> None:
        super().__init__("log_visitors", **ros)
        self.patience = self.declare_parameter("patience", 4.0).value  # as face_node's absence
        self.present: dict[int, Visitor] = {}
        self.create_subscription(FaceBoxArray, "face_node/boxes", self.on_boxes, 10)
        self.create_subscription(GazeArray, "face_node/gazes", self.on_gazes, 10)

    def on_boxes(self, boxes: FaceBoxArray) -> None:
        """Note who is seen, and who has not been seen for a while."""
        now = seconds(boxes.header)
        for face in boxes.faces:
            if face.state == FaceBox.STATE_LOST:
                continue
            if face.id not in self.present:
                self.present[face.id] = Visitor(now, now)
                self.get_logger().info(f"person {face.id} came")
            self.present[face.id].seen_s = now
        for number, visitor in list(self.present.items()):
            if now - visitor.seen_s > self.patience or now < visitor.seen_s:
                del self.present[number]
                stay = visitor.seen_s - visitor.came_s
                looked = "looked at the robot" if visitor.looked else "did not look"
                self.get_logger().info(f"person {number} left after {stay:.1f} s, {looked}")

    def on_gazes(self, gazes: GazeArray) -> None:
        """Note who looks for the first time."""
        for face in gazes.faces:
            visitor = self.present.get(face.id)
            if visitor is not None and face.looking and not visitor.looked:
                visitor.looked = True
                self.get_logger().info(f"person {face.id} looks at the robot")


def main() -> None:
    """Run the node until Ctrl-C."""
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(LogVisitors())
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
