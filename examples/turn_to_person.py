#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turns a robot towards the nearest person who looks at it.

Subscribes to ``face_node/gazes`` and publishes ``cmd_vel`` (geometry_msgs/Twist), for a camera that
is fixed to the base and looks ahead. The camera must be calibrated. The robot stops when nobody
looks, and when no message arrives for half a second. Try it with the wheels off the ground:

    ros2 run atpn_ros turn_to_person.py --ros-args -p max_speed:=0.5
"""

import math
import time
from contextlib import suppress

import rclpy
from geometry_msgs.msg import Twist
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from atpn_ros.msg import Gaze, GazeArray

TIMEOUT_S = 0.5


def nearest_looking(gazes: GazeArray) -> Gaze | None:
    """The nearest person who looks at the target, None if there is none."""
    looking = [face for face in gazes.faces if face.looking and face.has_origin]
    return min(looking, key=lambda f: math.hypot(f.origin.x, f.origin.y, f.origin.z), default=None)


def bearing(face: Gaze) -> float:
    """Angle from straight ahead to a person, radians, positive to the left."""
    return math.atan2(-face.origin.x, face.origin.z)


class TurnToPerson(Node):
    """Publishes the speed of turning 20 times a second."""

    def __init__(self, **ros: object) -> None:
        super().__init__("turn_to_person", **ros)
        self.gain = self.declare_parameter("gain", 1.0).value  # rad/s per rad
        self.max_speed = self.declare_parameter("max_speed", 0.5).value  # rad/s
        self.dead_zone = self.declare_parameter("dead_zone", 0.05).value  # rad
        self.speed, self.received_s = 0.0, 0.0
        self.publisher = self.create_publisher(Twist, "cmd_vel", 10)
        self.create_subscription(GazeArray, "face_node/gazes", self.on_gazes, 10)
        self.create_timer(0.05, self.turn)

    def on_gazes(self, gazes: GazeArray) -> None:
        """Take the speed from the newest image."""
        self.received_s = time.monotonic()
        face = nearest_looking(gazes)
        angle = 0.0 if face is None else bearing(face)
        if abs(angle) < self.dead_zone:
            angle = 0.0
        self.speed = max(-self.max_speed, min(self.max_speed, self.gain * angle))

    def turn(self) -> None:
        """Publish the speed; 0 if the newest image is too old."""
        twist = Twist()
        twist.angular.z = self.speed if time.monotonic() - self.received_s < TIMEOUT_S else 0.0
        self.publisher.publish(twist)


def main() -> None:
    """Run the node until Ctrl-C."""
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(TurnToPerson())
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
