# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several cameras on one machine: a face_node each, in a namespace and with a TF prefix of its own.

``ros2 launch atpn_ros cameras.launch.py cameras:="front rear"`` listens on ``/front/image_raw`` and
``/rear/image_raw`` and sends ``front_face_1`` and so on.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription

ONE = Path(get_package_share_directory("atpn_ros")) / "launch" / "atpn.launch.py"


def generate_launch_description() -> LaunchDescription:
    """One node per camera; every other argument of atpn.launch.py is handed on to all of them."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("cameras", description="the cameras' namespaces, with spaces"),
            DeclareLaunchArgument(
                "image", default_value="image_raw", description="image topic in each namespace"
            ),
            DeclareLaunchArgument(
                "camera_info", default_value="camera_info", description="calibration topic in each"
            ),
            OpaqueFunction(function=_start),
        ]
    )


def _start(context: LaunchContext) -> list[IncludeLaunchDescription]:
    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(ONE)),
            launch_arguments={
                "namespace": camera,
                "image_topic": f"/{camera}/{given('image')}",
                "camera_info_topic": f"/{camera}/{given('camera_info')}",
                "tf_prefix": f"{camera.replace('/', '_')}_",
            }.items(),
        )
        for camera in given("cameras").split()
    ]
