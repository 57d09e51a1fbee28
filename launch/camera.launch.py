# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch file that starts a USB camera driver and ``face_node``, both with config/fastdds_shm.xml.

``ros2 launch atpn_ros camera.launch.py`` starts ``usb_cam`` on ``/dev/video0``; ``driver`` chooses
``v4l2_camera`` instead. The driver's package must be installed.
"""

from collections.abc import Mapping
from pathlib import Path

from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import Node

from atpn_ros.node import launch_arguments as arguments
from launch import LaunchDescription, LaunchDescriptionEntity

ONE_CAMERA = Path(__file__).with_name("atpn.launch.py")
SET_HERE = ("image_topic", "camera_info_topic")
"""Arguments of atpn.launch.py that this file sets."""

ARGUMENTS = {
    "driver": ("usb_cam", " | ".join(arguments.DRIVERS)),
    "device": ("/dev/video0", "the camera's device file"),
    "width": ("640", "columns of the image"),
    "height": ("480", "rows of the image"),
    "rate": ("30", "images per second; of usb_cam only"),
    "camera_info_url": ("", "calibration, for example file:///home/me/camera.yaml"),
    "frame_id": ("camera_optical_frame", "optical frame of the camera"),
}


def generate_launch_description() -> LaunchDescription:
    """The launch description; the other arguments of atpn.launch.py are passed to the node."""
    return arguments.launch_description(__file__, ARGUMENTS, _actions, ONE_CAMERA, SET_HERE)


def _actions(given: Mapping[str, str]) -> list[LaunchDescriptionEntity]:
    driver = arguments.one_of("driver", given["driver"], tuple(arguments.DRIVERS))
    profile = arguments.existing_file("dds_profile", given["dds_profile"])
    camera = Node(
        package=driver,
        executable=arguments.DRIVERS[driver],
        name="camera",
        namespace=given["namespace"],
        parameters=[arguments.driver_parameters(driver, given)],
        # Only this process: the node's is set by its own launch file.
        additional_env=dict.fromkeys(arguments.PROFILE_VARIABLES, profile) if profile else {},
        respawn=arguments.parse_bool("respawn", given["respawn"]),
        respawn_delay=2.0,
        output="screen",
    )
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(ONE_CAMERA)),
        launch_arguments={"image_topic": "image_raw", "camera_info_topic": "camera_info"}.items(),
    )
    return [camera, node]
