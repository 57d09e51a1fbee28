# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch file that starts one ``face_node`` per camera, each with a namespace and a TF prefix.

``ros2 launch atpn_ros cameras.launch.py cameras:="front rear"`` subscribes to ``/front/image_raw``
and ``/rear/image_raw`` and publishes the TF frames ``front_face_1``, ``rear_face_1`` and so on.
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from atpn_ros.node import launch_arguments as arguments
from launch import LaunchContext, LaunchDescription

ONE_CAMERA = Path(__file__).with_name("atpn.launch.py")
PER_CAMERA = ("namespace", "image_topic", "camera_info_topic")
"""Arguments of atpn.launch.py that this file sets for each camera."""

ARGUMENTS = {
    "cameras": (None, "namespaces of the cameras, separated by spaces"),
    "image": ("image_raw", "image topic within each namespace"),
    "camera_info": ("camera_info", "calibration topic within each namespace"),
}


def generate_launch_description() -> LaunchDescription:
    """The launch description; the other arguments of atpn.launch.py are passed to all nodes."""
    own = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*own, *_shared(LaunchContext()), OpaqueFunction(function=_start)])


def _shared(context: LaunchContext) -> list[DeclareLaunchArgument]:
    """The arguments of atpn.launch.py that hold for all cameras."""
    one = PythonLaunchDescriptionSource(str(ONE_CAMERA)).get_launch_description(context)
    return [a for a in one.get_launch_arguments() if a.name not in PER_CAMERA]


def _start(context: LaunchContext) -> list[IncludeLaunchDescription]:
    def given(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    known = [*ARGUMENTS, *(argument.name for argument in _shared(context))]
    arguments.check_names(__file__, context.argv, known)
    prefix = given("tf_prefix").replace(arguments.UNSET, "")
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(ONE_CAMERA)),
            launch_arguments={
                "namespace": camera,
                "image_topic": f"/{camera}/{given('image')}",
                "camera_info_topic": f"/{camera}/{given('camera_info')}",
                "tf_prefix": f"{prefix}{camera.replace('/', '_')}_",
            }.items(),
        )
        for camera in arguments.camera_names(given("cameras"))
    ]
