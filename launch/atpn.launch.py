# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One camera's face_node. ``ros2 launch atpn_ros atpn.launch.py --show-args`` is the manual."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

SHARE = Path(get_package_share_directory("atpn_ros"))

ARGUMENTS = {
    "namespace": ("", "namespace of the node; one per camera"),
    "image_topic": ("image", "the camera's image topic (with compressed: without /compressed)"),
    "camera_info_topic": ("camera_info", "the camera's calibration; without it no positions and no TF"),
    "params_file": (str(SHARE / "config" / "atpn.yaml"), "yaml with any of the node's settings"),
    "use_sim_time": ("false", "true: take the time from /clock"),
    "image_transport": ("raw", "raw or compressed"),
    "model": ("", "path of an ATPN .onnx file; empty: the shipped one"),
    "backend": ("auto", "rung of the engine ladder to start at"),
    "detector_model": ("", "path of YuNet's .onnx file; empty: the embedded Haar cascade"),
    "max_faces": ("4", "most faces held at once"),
    "tf_prefix": ("", "goes before face_<id> and gaze_<id>; one per camera"),
    "log_level": ("info", "debug, info, warn or error"),
    "dds_profile": (
        str(SHARE / "config" / "fastdds_shm.xml"),
        "Fast DDS profile that stops the loss of best-effort images; give it to the camera as well",
    ),
}


def generate_launch_description() -> LaunchDescription:
    """The node with its arguments."""
    arguments = {name: LaunchConfiguration(name) for name in ARGUMENTS}
    settings = {
        name: ParameterValue(arguments[name], value_type=kind)
        for name, kind in (
            ("use_sim_time", bool),
            ("image_transport", str),
            ("model", str),
            ("backend", str),
            ("detector_model", str),
            ("max_faces", int),
            ("tf_prefix", str),
        )
    }
    image, info = arguments["image_topic"], arguments["camera_info_topic"]
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            # Humble and Jazzy read the first name, later distributions the second.
            SetEnvironmentVariable("FASTRTPS_DEFAULT_PROFILES_FILE", arguments["dds_profile"]),
            SetEnvironmentVariable("FASTDDS_DEFAULT_PROFILES_FILE", arguments["dds_profile"]),
            Node(
                package="atpn_ros",
                executable="face_node",
                name="face_node",
                namespace=arguments["namespace"],
                parameters=[arguments["params_file"], settings],
                remappings=[
                    ("image", image),
                    ("image/compressed", [image, "/compressed"]),
                    ("camera_info", info),
                ],
                arguments=["--ros-args", "--log-level", arguments["log_level"]],
                output="screen",
            ),
        ]
    )
