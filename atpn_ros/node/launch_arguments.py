# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments of the launch files: their declaration and description, and checks of their values.

ROS's launch takes any ``name:=value`` and ignores names that no launch file declares. Does not
import rclpy, and launch only in the function that launch files call.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from atpn_ros.setting_values import (
    parse_bool,
    parse_value,
    unknown_name,
    update_settings,
)
from atpn_ros.settings import CONSTRAINTS, Settings, SettingsError, Value
from atpn_ros.settings_file import read_parameters

if TYPE_CHECKING:
    from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

UNSET = "params_file"
"""Default of the arguments for settings: the value is that of the parameter file."""

PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
"""Environment variables of a Fast DDS profile: Humble and Jazzy read the first, later ones both."""

DRIVERS = {"usb_cam": "usb_cam_node_exe", "v4l2_camera": "v4l2_camera_node"}
"""Camera drivers that camera.launch.py can start: package and executable."""

LOG_LEVELS = ("debug", "info", "warn", "error", "fatal")


def launch_description(
    launch_file: str,
    own: Mapping[str, tuple[str | None, str]],
    actions: Callable[[Mapping[str, str]], Sequence[LaunchDescriptionEntity]],
    included: Path | None = None,
    set_here: Collection[str] = (),
) -> LaunchDescription:
    """The launch description of a file with its arguments, whose names are checked at the start.

    Args:
        launch_file: Path of the launch file.
        own: Default and description of each of its arguments; None: the argument must be given.
        actions: Returns the actions to start; called with the text of each argument.
        included: A launch file that it includes, whose arguments are its own too.
        set_here: Those of the included file's arguments that it sets itself.
    """
    from launch.actions import DeclareLaunchArgument, OpaqueFunction
    from launch.launch_description_sources import PythonLaunchDescriptionSource
    from launch.substitutions import LaunchConfiguration

    from launch import LaunchContext, LaunchDescription

    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in own.items()
    ]
    if included is not None:
        source = PythonLaunchDescriptionSource(str(included))
        other = source.get_launch_description(LaunchContext())
        declared += [a for a in other.get_launch_arguments() if a.name not in set_here]
    names = [argument.name for argument in declared]

    def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
        check_names(launch_file, context.argv, names)
        return [*actions({name: LaunchConfiguration(name).perform(context) for name in names})]

    return LaunchDescription([*declared, OpaqueFunction(function=start)])


def description(name: str) -> str:
    """Description of the argument for a setting: text, choices or range, and default.

    >>> description("threads")
    "threads of the network on a CPU; 0: ONNX Runtime's default (0 .. 64; default 1)"
    """
    rule, default = CONSTRAINTS[name], getattr(Settings(), name)
    if rule.choices:
        allowed = " | ".join(rule.choices)
    elif isinstance(default, bool):
        allowed = "true | false"
    elif isinstance(default, str):
        allowed = "text"
    else:
        allowed = f"{rule.minimum:g} .. {rule.maximum:g}"
    word = str(default).lower() if isinstance(default, bool) else default
    return f"{rule.description} ({allowed}; default {word if word != '' else 'empty'})"


def check_names(
    launch_file: str, words: Sequence[str], known: Collection[str], command: Sequence[str] = ()
) -> None:
    """Refuse names that a launch file does not have, if it is the one that the user started.

    In a launch file that another one includes, the command line holds the other's arguments.

    Args:
        launch_file: Path of the launch file.
        words: The arguments of ``ros2 launch`` after the file, as ``name:=value``.
        known: The names that the launch file has.
        command: The whole command line; empty: that of this process.

    Raises:
        SettingsError: A name is not known; gives the nearest one.
    """
    started = [Path(word).name for word in (command or sys.argv)[1:]]
    if Path(launch_file).name not in started:
        return
    for word in words:
        name, separator, _ = word.partition(":=")
        if separator and name not in known:
            raise unknown_name(name, known, "launch argument")


def settings_from(given: Mapping[str, str]) -> dict[str, Value]:
    """The settings that launch arguments give, checked.

    Args:
        given: The text of each argument by name; :data:`UNSET` means that it was not given. An
            empty text does so too, except for settings that may be empty texts.

    Raises:
        SettingsError: A value is not allowed.
    """
    may_be_empty = {
        name
        for name, rule in CONSTRAINTS.items()
        if isinstance(getattr(Settings(), name), str) and not rule.choices
    }
    return {
        name: parse_value(name, given[name])
        for name in CONSTRAINTS
        if name in given and given[name] != UNSET and (given[name] or name in may_be_empty)
    }


def node_parameters(
    given: Mapping[str, str], namespace: str, params_file: str, use_sim_time: str
) -> list[str | dict[str, Value]]:
    """The ``parameters`` of the launch action: the file and what overrides it, checked together.

    Args:
        given: The text of each argument for a setting, see :func:`settings_from`.
        namespace: Of the node.
        params_file: Path of the parameter file; empty or ``none``: no file.
        use_sim_time: ``true`` or ``false``; :data:`UNSET` leaves it to the file.

    Raises:
        SettingsError: The file is missing or has unknown names, or a value is not allowed.
    """
    values = settings_from(given)
    in_file = {} if is_none(params_file) else read_parameters(Path(params_file), namespace)
    update_settings(Settings(), in_file | values)
    if use_sim_time != UNSET:
        values["use_sim_time"] = parse_bool("use_sim_time", use_sim_time)
    return [values] if is_none(params_file) else [params_file, values]


def driver_parameters(driver: str, given: Mapping[str, str]) -> dict[str, object]:
    """The parameters of a camera driver of :data:`DRIVERS`.

    Raises:
        SettingsError: The width, height or rate is not a positive number.
    """
    numbers = {}
    for name in ("width", "height", "rate"):
        if not given[name].isdecimal() or int(given[name]) < 1:
            raise SettingsError(f"{name}: {given[name]!r} is not a positive whole number")
        numbers[name] = int(given[name])
    frame, calibration = given["frame_id"], given["camera_info_url"]
    shared: dict[str, object] = {"video_device": given["device"]}
    if calibration:
        shared["camera_info_url"] = calibration
    if driver == "v4l2_camera":
        size = [numbers["width"], numbers["height"]]
        return shared | {"image_size": size, "camera_frame_id": frame}
    return shared | {
        "image_width": numbers["width"],
        "image_height": numbers["height"],
        "framerate": float(numbers["rate"]),
        "frame_id": frame,
    }


def camera_names(text: str) -> list[str]:
    """The namespaces of cameras, from a text that separates them by spaces or commas.

    Raises:
        SettingsError: There is none, one is given twice, or one is not a ROS name.

    >>> camera_names("front, arm/left")
    ['front', 'arm/left']
    """
    names = [name.strip("/") for name in text.replace(",", " ").split()]
    if not names:
        raise SettingsError("cameras: no namespace is given")
    for name in names:
        if not re.fullmatch(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*", name, re.ASCII):
            raise SettingsError(f"cameras: {name!r:.60} is not a namespace")
        if names.count(name) > 1:
            raise SettingsError(f"cameras: {name} is given twice")
    return names


def is_none(text: str) -> bool:
    """Whether an argument for a file means no file: it is empty or ``none``."""
    return text.strip().lower() in ("", "none")


def existing_file(name: str, text: str) -> str:
    """The path that an argument gives; empty for none.

    Raises:
        SettingsError: There is no such file.
    """
    if is_none(text):
        return ""
    if not Path(text).is_file():
        raise SettingsError(f"{name}: {text}: no such file; none for no file")
    return text


_TOPIC = re.compile(r"(~?/)?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)


def topic(name: str, text: str) -> str:
    """An argument that is a topic name; with any other text the node would not start.

    Raises:
        SettingsError: It is not a topic name.
    """
    if not _TOPIC.fullmatch(text):
        raise SettingsError(
            f"{name}: {text!r} is not a topic: letters, digits and _ between slashes"
        )
    return text


def one_of(name: str, text: str, choices: Sequence[str]) -> str:
    """An argument that has choices, in lower case.

    Raises:
        SettingsError: It is none of them.
    """
    if text.lower() not in choices:
        raise SettingsError(f"{name}: {text!r} is none of {', '.join(choices)}")
    return text.lower()
