# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Launch file that starts ``face_node`` for one camera; ``--show-args`` lists its arguments."""

from collections.abc import Mapping
from pathlib import Path

from launch.actions import SetEnvironmentVariable
from launch_ros.actions import Node

from atpn_ros.node import launch_arguments as arguments
from atpn_ros.settings import CONSTRAINTS
from launch import LaunchDescription, LaunchDescriptionEntity

SHARE = Path(__file__).parents[1]

ARGUMENTS = {
    "namespace": ("", "namespace of the node; one per camera"),
    "image_topic": (
        "image",
        "the camera's image topic; for compressed images with or without /compressed",
    ),
    "camera_info_topic": (
        "camera_info",
        "the camera's calibration topic; without it there are no positions and no TF",
    ),
    "params_file": (
        str(SHARE / "config" / "atpn.yaml"),
        "YAML file with parameters of the node, or none",
    ),
    "use_sim_time": (arguments.UNSET, "use the time of /clock (true | false; default false)"),
    "log_level": ("info", " | ".join(arguments.LOG_LEVELS)),
    "respawn": ("true", "start the node again 2 s after it has died (true | false)"),
    "dds_profile": (
        str(SHARE / "config" / "fastdds_shm.xml"),
        "Fast DDS profile that prevents the loss of best-effort images, or none; "
        "the camera driver needs it too",
    ),
}


def generate_launch_description() -> LaunchDescription:
    """The launch description; arguments for settings take precedence over params_file."""
    settings = {name: (arguments.UNSET, arguments.description(name)) for name in CONSTRAINTS}
    return arguments.launch_description(__file__, ARGUMENTS | settings, _actions)


def _actions(given: Mapping[str, str]) -> list[LaunchDescriptionEntity]:
    profile = arguments.existing_file("dds_profile", given["dds_profile"])
    names = arguments.PROFILE_VARIABLES if profile else ()
    node = Node(
        package="atpn_ros",
        executable="face_node",
        name="face_node",
        namespace=given["namespace"],
        parameters=arguments.node_parameters(
            given, given["namespace"], given["params_file"], given["use_sim_time"]
        ),
        remappings=[
            (name, arguments.topic(f"{name}_topic", given[f"{name}_topic"]))
            for name in ("image", "camera_info")
        ],
        arguments=[
            "--ros-args",
            "--log-level",
            arguments.one_of("log_level", given["log_level"], arguments.LOG_LEVELS),
        ],
        respawn=arguments.parse_bool("respawn", given["respawn"]),
        respawn_delay=2.0,
        output="screen",
    )
    return [*(SetEnvironmentVariable(name, profile) for name in names), node]
