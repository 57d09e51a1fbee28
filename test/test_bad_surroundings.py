# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other nodes and conditions around the node: bursts, publishers, restarts, settings, time."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from builtin_interfaces.msg import Time
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image

from atpn_ros.conversions import messages
from atpn_ros.msg import TrackingStatus
from atpn_ros.node import ros_messages
from node_here import World
from ros_world import OUTPUTS, RELIABLE, SECOND, Robot, nobody, portrait


def test_a_lazy_node_receives_images_only_while_somebody_listens() -> None:
    world = World(lazy=True).start()
    try:
        world.still_works()
        robot = world.robot
        for subscription in list(robot.node.subscriptions):
            if subscription.topic_name != "/diagnostics":
                robot.node.destroy_subscription(subscription)
        robot.wait(lambda: robot.camera.get_subscription_count() == 0, 20)
        # Not the next one: it may have been sent before.
        idle = "idle: no output has subscribers"
        robot.wait(lambda: robot.diagnosis()["summary"] == idle, 20)
        received = world.stats.received
        robot.camera.publish(world.good())
        robot.spin(0.5)
        assert world.stats.received == received
        for name, kind in OUTPUTS.items():
            robot._listen(name, kind, f"face_node/{name}")
        robot.wait(lambda: robot.camera.get_subscription_count() == 1, 20)
        world.still_works()
        assert world.robot.diagnosis()["frames received"] == str(received + 1)
    finally:
        world.close()


def test_more_people_than_max_faces_are_told_and_counted() -> None:
    world = World(max_faces=1).start()
    try:
        world.still_works()
        half = portrait()[:, 80:240]
        both = ros_messages.image_message(np.hstack([half, half]), world.now())
        world.answer(both)  # the detector runs again after 5 s of image time
        for _ in range(90):
            both.header = world.now()
            answer = world.answer(both)
        assert len(answer.landmarks.faces) == 1

        def told() -> bool:
            both.header = world.now()
            world.answer(both)
            status = world.robot.heard["diagnostics"][-1].status[0]
            return status.message.startswith("faces in view beyond max_faces: 1")

        world.robot.wait(told, 20)
        assert world.robot.diagnosis()["faces beyond max_faces"] == "1"
    finally:
        world.close()


@pytest.mark.parametrize(("absence", "same"), [(4.0, True), (0.0, False)])
def test_a_person_who_turns_away_for_two_seconds_keeps_the_id_by_absence(
    absence: float, same: bool
) -> None:
    world = World(absence=absence).start()
    try:
        for _ in range(15):
            known = world.still_works().boxes.faces[-1].id
        for _ in range(30):
            world.answer(ros_messages.image_message(nobody(), world.now()))
        found = [box.id for _ in range(8) for box in world.answers().boxes.faces]
        assert found
        assert set(found) == ({known} if same else {known + 1})
    finally:
        world.close()


def test_a_burst_is_answered_with_the_newest_and_the_rest_is_counted(world: World) -> None:
    stats = world.stats
    before = (stats.received, stats.processed, stats.dropped)
    for _ in range(40):
        message = world.good()
        world.robot.camera.publish(message)
    last = message.header
    heard = world.robot.heard["status"]
    world.robot.wait(lambda: bool(heard) and heard[-1].header == last)
    received, processed, dropped = (
        after - b
        for after, b in zip(
            (stats.received, stats.processed, stats.dropped), before, strict=True
        )
    )  # fmt: skip
    assert received == processed + dropped
    assert received <= 40, "the middleware keeps the newest of those that wait, too"


def test_another_publisher_of_another_type_is_named(world: World) -> None:
    robot = world.robot
    other = Robot(domain=robot.context.get_domain_id())  # one node cannot publish both types
    other.node.destroy_publisher(other.camera)
    other.node.create_publisher(CompressedImage, "image", RELIABLE)
    words = "incompatible type sensor_msgs/msg/CompressedImage"
    robot.wait(lambda: words in robot.diagnosis()["summary"])
    other.close()
    robot.wait(lambda: words not in robot.diagnosis()["summary"])
    world.still_works()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_camera_of_the_other_transport_only_is_named(compressed: bool) -> None:
    world = World(compressed)
    robot = world.robot
    robot.node.destroy_publisher(robot.camera)
    kind, topic = (Image, "image") if compressed else (CompressedImage, "image/compressed")
    robot.node.create_publisher(kind, topic, RELIABLE)
    words = f"no publisher; image_transport:={'raw' if compressed else 'compressed'} has one"
    try:
        assert world.node.trigger_configure().name == "SUCCESS"
        assert world.node.trigger_activate().name == "SUCCESS"
        robot.wait(lambda: robot.diagnosis()["summary"].endswith(words), 60)
    finally:
        world.close()


def test_a_camera_that_is_restarted_is_heard_again(world: World) -> None:
    robot = world.robot
    received = world.stats.received
    robot.node.destroy_publisher(robot.camera)
    robot.wait(lambda: robot.node.count_publishers("/image") == 0)
    robot.camera = robot.node.create_publisher(Image, "image", RELIABLE)
    robot.wait_for_node()
    world.still_works()
    assert world.stats.received == received + 1, "the node was not started anew"


def test_another_node_of_the_same_name_is_told(world: World) -> None:
    robot, words = world.robot, "another node has the same name"
    twin = robot.node.create_publisher(TrackingStatus, "/face_node/status", RELIABLE)

    def told() -> bool:
        """While images come: that none does would be the worse news."""
        world.still_works()
        return words in robot.diagnosis()["summary"]

    robot.wait(told)
    robot.node.destroy_publisher(twin)
    robot.wait(lambda: not told())


def test_a_double_configure_is_refused_and_the_node_goes_on(world: World) -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    for number in (
        Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE,
        Transition.TRANSITION_CLEANUP, 99,
    ):  # fmt: skip
        request = ChangeState.Request(transition=Transition(id=number))
        assert not world.robot.call(ChangeState, "change_state", request).success
    request = ChangeState.Request(transition=Transition(label="jump"))
    assert not world.robot.call(ChangeState, "change_state", request).success
    world.still_works()


def test_settings_may_change_between_any_two_frames(world: World) -> None:
    for name, value in (
        ("max_faces", 1), ("smoothing", False), ("publish_tf", False), ("min_face", 8.0),
        ("max_pixels", 10), ("max_pixels", 100_000_000), ("smoothing", True), ("publish_tf", True),
    ):  # fmt: skip
        (result,) = world.node.set_parameters([Parameter(name, value=value)])
        assert result.successful, result.reason
        if value == 10:
            world.send(world.good(), lambda: world.stats.refused["too_large"])
        else:
            world.still_works()


def test_simulated_time_that_does_not_run_and_that_jumps_back_is_told() -> None:
    world = World(use_sim_time=True).start()
    robot = world.robot
    summaries = lambda: [m.status[0].message for m in robot.heard["diagnostics"]]  # noqa: E731
    try:
        world.still_works()
        robot.wait(lambda: any("no time was received on /clock" in s for s in summaries()))
        clock = robot.node.create_publisher(Clock, "/clock", RELIABLE)
        robot.wait(lambda: clock.get_subscription_count() > 0)

        def tick(seconds: int) -> None:
            clock.publish(Clock(clock=Time(sec=seconds)))
            robot.wait(lambda: world.node.now_ns() == seconds * SECOND)

        tick(1_010)
        known = world.still_works().boxes.faces[-1].id
        tick(1_002)
        assert world.still_works().boxes.faces[-1].id > known
        assert robot.diagnosis()["tracks dropped: the clock jumped"] == "1"
        robot.wait(lambda: any("/clock has not advanced for" in s for s in summaries()))
        assert messages.stamp_ns(robot.heard["diagnostics"][-1].header.stamp) == 1_002 * SECOND
    finally:
        world.close()
