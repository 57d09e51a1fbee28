# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One camera's face_node. ``ros2 launch atpn_ros atpn.launch.py --show-args`` is the manual."""

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
    "image_topic": ("image", "the camera's image topic (if compressed: without /compressed)"),
    "camera_info_topic": (
        "camera_info",
        "the camera's calibration; without it no positions, no TF",
    ),
    "params_file": (str(SHARE / "config" / "atpn.yaml"), "yaml with any of the node's settings"),
    "use_sim_time": ("false", "true: take the time from /clock"),
    "log_level": ("info", "debug, info, warn or error"),
    "dds_profile": (
        str(SHARE / "config" / "fastdds_shm.xml"),
        "Fast DDS profile that stops the loss of best-effort images; give it to the camera too; "
        "empty: none",
    ),
}


def generate_launch_description() -> LaunchDescription:
    """The node, its arguments, and every setting as an argument that wins over params_file."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    arguments += [
        DeclareLaunchArgument(
            name, default_value="", description=f"{rule.description}. Empty: as in params_file"
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
