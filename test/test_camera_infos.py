# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera infos over DDS: which ones are used, and what is reported of the others."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2: make venv, or source a workspace")

from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo

from node_here import World
from ros_world import HEIGHT, RELIABLE, WIDTH, header

GOOD_INFOS = {
    "plumb_bob padded to 8": ("plumb_bob", [-0.03, 0.03, 0.0, 0.0, 0.01, 0.0, 0.0, 0.0]),
    "equidistant padded to 5": ("equidistant", [-0.005, 0.04, -0.04, 0.007, 0.0]),
    "an ideal fisheye": ("equidistant", [0.0] * 4),
}


@pytest.mark.parametrize("case", GOOD_INFOS)
def test_a_camera_info_as_real_drivers_send_it_gives_positions(world: World, case: str) -> None:
    world.still_works()
    model, d = GOOD_INFOS[case]
    calibrate(world, {"distortion_model": model, "d": d})
    (pose,) = world.still_works().head_poses.faces
    assert pose.has_position


def test_a_calibration_that_was_published_once_before_the_node_came_is_heard() -> None:
    world = World()
    latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    info = CameraInfo(width=WIDTH, height=HEIGHT, k=GOOD_K)
    world.robot.node.create_publisher(CameraInfo, "camera_info", latched).publish(info)
    try:
        world.start()
        world.robot.wait(lambda: world.worker.calibration.info is not None, 20)
        (pose,) = world.still_works().head_poses.faces
        assert pose.has_position
    finally:
        world.close()


def test_a_rectified_image_takes_its_projection() -> None:
    world = World(calibration="rectified").start()
    try:
        distorted = {"d": [-0.32, 0.11, 0.0, 0.0, -0.02], "distortion_model": "plumb_bob"}
        (without,) = world.still_works().head_poses.faces
        world.robot.calibrate(**distorted)
        (no_p,) = world.still_works().head_poses.faces
        assert (without.has_position, no_p.has_position) == (False, False)
        assert "P is not set" in world.robot.diagnosis()["summary"]
        distances = []
        for focal in (300.0, 150.0):
            p = [focal, 0.0, 159.5, 0.0, 0.0, focal, 119.5, 0.0, 0.0, 0.0, 1.0, 0.0]
            world.robot.calibrate(**distorted, p=p)
            (pose,) = world.still_works().head_poses.faces
            distances.append(pose.pose.pose.position.z)
        assert distances[0] == pytest.approx(2 * distances[1], rel=0.05)
        assert "rectified" in world.robot.diagnosis()["camera_info"]
    finally:
        world.close()


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_a_remapped_topic_of_rectified_images_is_known_by_its_name(transport: str) -> None:
    topic = "/cam/image_rect" + ("/compressed" if transport == "compressed" else "")
    reliable = {f"qos_overrides.{topic}.subscription.reliability": "reliable"}
    world = World(transport == "compressed", remap=["image:=/cam/image_rect"], **reliable)
    robot = world.robot
    robot.camera = robot.node.create_publisher(robot.camera.msg_type, topic, RELIABLE)
    try:
        world.start()
        p = [150.0, 0.0, 159.5, 0.0, 0.0, 150.0, 119.5, 0.0, 0.0, 0.0, 1.0, 0.0]
        robot.calibrate(d=[-0.32, 0.11, 0.0, 0.0, -0.02], p=p)
        (by_p,) = world.still_works().head_poses.faces
        assert "rectified" in robot.diagnosis()["camera_info"]
        world.worker.calibration.rectified = False
        robot.calibrate()
        (by_k,) = world.still_works().head_poses.faces
        assert by_k.pose.pose.position.z == pytest.approx(2 * by_p.pose.pose.position.z, rel=0.05)
    finally:
        world.close()


GOOD_K = [300.0, 0.0, 159.5, 0.0, 300.0, 119.5, 0.0, 0.0, 1.0]


BAD_INFOS = {
    "K all zero": ({"k": [0.0] * 9}, "uncalibrated"),
    "K not a number": ({"k": [math.nan] * 9}, "finite"),
    "K endless": ({"k": [math.inf, *GOOD_K[1:]]}, "finite"),
    "D not a number": ({"d": [math.nan] * 5}, "D is not finite"),
    "another shape": ({"width": 640, "height": 360}, "640x360"),
    "a model of nobody's": ({"distortion_model": "fish", "d": [0.1] * 4}, "'fish'"),
    "a region of no shape of ours": (
        {"roi": {"width": 100, "height": 200}}, "100x200",
    ),
}  # fmt: skip


def calibrate(world: World, fields: dict[str, object]) -> None:
    from sensor_msgs.msg import RegionOfInterest

    given = {k: RegionOfInterest(**v) if k == "roi" else v for k, v in fields.items()}
    world.robot.calibrate(**given)


@pytest.mark.parametrize("case", BAD_INFOS)
def test_a_bad_camera_info_costs_the_position_and_says_why(world: World, case: str) -> None:
    fields, words = BAD_INFOS[case]
    calibrate(world, fields)
    assert not world.still_works().head_poses.faces[0].has_position
    assert words in world.robot.diagnosis()["camera_info"]
    calibrate(world, {})
    assert world.still_works().head_poses.faces[0].has_position


USABLE_INFOS = {
    "binning 0": {"binning_x": 0, "binning_y": 0},
    "binning 2 of twice the size": {
        "width": 2 * WIDTH, "height": 2 * HEIGHT, "binning_x": 2, "binning_y": 2,
    },
    "a region": {
        "width": 640, "height": 480,
        "roi": {"x_offset": 10, "y_offset": 20, "width": WIDTH, "height": HEIGHT},
    },
    "half the resolution": {"width": WIDTH // 2, "height": HEIGHT // 2},
    "no size": {"width": 0, "height": 0},
    "no D": {"d": []},
    "D of 4 zeros": {"d": [0.0] * 4},
    "D of 8": {"d": [0.01] * 8, "distortion_model": "rational_polynomial"},
    "D of 12": {"d": [0.001] * 12, "distortion_model": "rational_polynomial"},
    "fisheye": {"d": [0.01, 0.0, 0.0, 0.0], "distortion_model": "equidistant"},
    "of another frame": {"header": header(0, "gripper")},
}  # fmt: skip


@pytest.mark.parametrize("case", USABLE_INFOS)
def test_every_usable_camera_info_gives_a_position(world: World, case: str) -> None:
    calibrate(world, USABLE_INFOS[case])
    (pose,) = world.still_works().head_poses.faces
    assert pose.has_position
    assert 0.1 < pose.pose.pose.position.z < 2
    calibrate(world, {})
