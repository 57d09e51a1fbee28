# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch file that starts ``face_node`` for one camera; ``--show-args`` lists its arguments."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from atpn_ros.settings import CONSTRAINTS, parse_value
from launch import LaunchContext, LaunchDescription

SHARE = Path(get_package_share_directory("atpn_ros"))

ARGUMENTS = {
    "namespace": ("", "namespace of the node; one per camera"),
    "image_topic": ("image", "the camera's image topic; for compressed images without /compressed"),
    "camera_info_topic": (
        "camera_info",
        "the camera's calibration topic; without it there are no positions and no TF",
    ),
    "params_file": (str(SHARE / "config" / "atpn.yaml"), "YAML file with parameters of the node"),
    "use_sim_time": ("false", "true: use the time of /clock"),
    "log_level": ("info", "debug, info, warn or error"),
    "dds_profile": (
        str(SHARE / "config" / "fastdds_shm.xml"),
        "Fast DDS profile that prevents the loss of best-effort images; the camera driver needs it "
        "too; empty: none",
    ),
}


def generate_launch_description() -> LaunchDescription:
    """The launch description; arguments for settings take precedence over params_file."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    arguments += [
        DeclareLaunchArgument(
            name,
            default_value="",
            description=f"{rule.description}. Empty: the value in params_file",
        )
        for name, rule in CONSTRAINTS.items()
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list:
    given = {
        name: LaunchConfiguration(name).perform(context) for name in (*ARGUMENTS, *CONSTRAINTS)
    }
    settings = {name: parse_value(name, given[name]) for name in CONSTRAINTS if given[name]}
    settings["use_sim_time"] = given["use_sim_time"].lower() == "true"
    image = given["image_topic"]
    actions = []
    if given["dds_profile"]:
        # Humble and Jazzy read the first name, later distributions the second.
        actions = [
            SetEnvironmentVariable(name, given["dds_profile"])
            for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
        ]
    node = Node(
        package="atpn_ros",
        executable="face_node",
        name="face_node",
        namespace=given["namespace"],
        parameters=[given["params_file"], settings],
        remappings=[
            ("image", image),
            ("image/compressed", f"{image}/compressed"),
            ("camera_info", given["camera_info_topic"]),
        ],
        arguments=["--ros-args", "--log-level", given["log_level"]],
        output="screen",
    )
    return [*actions, node]
