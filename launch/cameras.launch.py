# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch file that starts one ``face_node`` per camera, each with a namespace and a TF prefix.

``ros2 launch atpn_ros cameras.launch.py cameras:="front rear"`` subscribes to ``/front/image_raw``
and ``/rear/image_raw`` and publishes the TF frames ``front_face_1``, ``rear_face_1`` and so on.
"""

from collections.abc import Mapping
from pathlib import Path

from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

from atpn_ros.node import launch_arguments as arguments
from launch import LaunchDescription, LaunchDescriptionEntity

ONE_CAMERA = Path(__file__).with_name("atpn.launch.py")
PER_CAMERA = ("namespace", "image_topic", "camera_info_topic")
"""Arguments of atpn.launch.py that this file sets for each camera."""

ARGUMENTS = {
    "cameras": (None, "namespaces of the cameras, separated by spaces or commas"),
    "image": ("image_raw", "image topic within each namespace"),
    "camera_info": ("camera_info", "calibration topic within each namespace"),
}


def generate_launch_description() -> LaunchDescription:
    """The launch description; the other arguments of atpn.launch.py are passed to all nodes."""
    return arguments.launch_description(__file__, ARGUMENTS, _actions, ONE_CAMERA, PER_CAMERA)


def _actions(given: Mapping[str, str]) -> list[LaunchDescriptionEntity]:
    prefix = "" if given["tf_prefix"] == arguments.UNSET else given["tf_prefix"]
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(ONE_CAMERA)),
            launch_arguments={
                "namespace": camera,
                "image_topic": f"/{camera}/{given['image']}",
                "camera_info_topic": f"/{camera}/{given['camera_info']}",
                "tf_prefix": f"{prefix}{camera.replace('/', '_')}_",
            }.items(),
        )
        for camera in arguments.camera_names(given["cameras"])
    ]
