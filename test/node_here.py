# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The real node in the test's own process, spun with its robot: what it counts can be looked at."""

from __future__ import annotations

import array
import os
from collections.abc import Callable, Sequence
from itertools import count
from types import SimpleNamespace

import cv2
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from atpn_ros.node import ros_messages
from atpn_ros.node.face_node import FaceNode
from atpn_ros.node.frame_slot import FlowStats
from atpn_ros.node.worker import Worker
from ros_world import FRAME, INPUTS, OUTPUTS, SECOND, Robot, header, portrait

_WORLDS = count()
_DOMAINS = range(101, 233)
"""Those that no run has as its own. For a larger one Fast DDS ends the process with exit code 1."""


def _next_domain() -> int:
    """A domain of its own for each world, so that worlds of one time do not hear each other."""
    own = int(os.environ["ROS_DOMAIN_ID"])
    return _DOMAINS[(own + next(_WORLDS)) % len(_DOMAINS)]


class World:
    """A robot and its node, not configured yet, and the time on the camera's clock."""

    def __init__(
        self, compressed: bool = False, remap: Sequence[str] = (), **settings: object
    ) -> None:
        self.robot = Robot(compressed, domain=_next_domain())
        given = {f"qos_overrides./{t}.subscription.reliability": "reliable" for t in INPUTS}
        given |= {"image_transport": "compressed" if compressed else "raw", **settings}
        self.node = FaceNode(
            context=self.robot.context,
            parameter_overrides=[Parameter(name, value=value) for name, value in given.items()],
            cli_args=["--ros-args", *(word for rule in remap for word in ("-r", rule))],
        )
        self.robot.executor.add_node(self.node)
        self.stamp = 1_000 * SECOND

    def start(self) -> World:
        """Configure, activate, and wait until both hear each other."""
        assert self.node.trigger_configure().name == "SUCCESS"
        assert self.node.trigger_activate().name == "SUCCESS"
        self.robot.wait_for_node()
        return self

    @property
    def worker(self) -> Worker:
        """The node's, while it is configured."""
        assert self.node._worker is not None
        return self.node._worker

    @property
    def stats(self) -> FlowStats:
        """What it has counted since it was activated."""
        return self.worker.stats

    def now(self) -> Header:
        """The header of the next frame."""
        self.stamp += FRAME
        return header(self.stamp)

    def good(self) -> Image | CompressedImage:
        """The next frame, with a face in it."""
        if self.robot.camera.msg_type is Image:
            return ros_messages.image_message(portrait(), self.now())
        data = array.array("B", cv2.imencode(".jpg", portrait())[1].tobytes())
        return CompressedImage(header=self.now(), format="jpeg", data=data)

    def send(self, message: object, counts: Callable[[], int]) -> None:
        """Publish, and wait until something that the node counts has grown."""
        before = counts()
        self.robot.camera.publish(message)
        self.robot.wait(lambda: counts() > before)

    def answer(self, message: object) -> SimpleNamespace:
        """Publish a frame; what is said of it, on each topic."""
        heard = self.robot.heard
        for name in OUTPUTS:
            heard[name].clear()
        self.robot.camera.publish(message)
        self.robot.wait(
            lambda: all(any(m.header == message.header for m in heard[n]) for n in OUTPUTS)
        )
        return SimpleNamespace(**{name: heard[name][-1] for name in OUTPUTS})

    def answers(self) -> SimpleNamespace:
        """What is said of a good frame."""
        return self.answer(self.good())

    def still_works(self) -> SimpleNamespace:
        """A good frame is answered, with the face in it."""
        answer = self.answers()
        assert len(answer.landmarks.faces) == 1
        return answer

    def close(self) -> None:
        """End both."""
        self.robot.executor.remove_node(self.node)
        self.node.destroy_node()
        assert not self.node.stuck
        self.robot.close()
