# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch file that starts one ``face_node`` per camera, each with a namespace and a TF prefix.

``ros2 launch atpn_ros cameras.launch.py cameras:="front rear"`` subscribes to ``/front/image_raw``
and ``/rear/image_raw`` and publishes the TF frames ``front_face_1``, ``rear_face_1`` and so on.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchContext, LaunchDescription

ONE_CAMERA = Path(get_package_share_directory("atpn_ros")) / "launch" / "atpn.launch.py"


def generate_launch_description() -> LaunchDescription:
    """The launch description; arguments of atpn.launch.py are passed to all nodes."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "cameras", description="namespaces of the cameras, separated by spaces"
            ),
            DeclareLaunchArgument(
                "image", default_value="image_raw", description="image topic within each namespace"
            ),
            DeclareLaunchArgument(
                "camera_info",
                default_value="camera_info",
                description="calibration topic within each namespace",
            ),
            OpaqueFunction(function=_start),
        ]
    )


def _start(context: LaunchContext) -> list[IncludeLaunchDescription]:
    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(ONE_CAMERA)),
            launch_arguments={
                "namespace": camera,
                "image_topic": f"/{camera}/{given('image')}",
                "camera_info_topic": f"/{camera}/{given('camera_info')}",
                "tf_prefix": f"{camera.replace('/', '_')}_",
            }.items(),
        )
        for camera in given("cameras").split()
    ]
