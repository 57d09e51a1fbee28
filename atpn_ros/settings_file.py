# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads settings from ROS parameter files and command lines, and rejects unknown names.

Parameter files may be shared with other nodes, hold sections of namespaces, or be written by
``ros2 param dump``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from atpn_ros.setting_values import (
    nearest_name,
    parse_value,
    unknown_name,
    update_settings,
)
from atpn_ros.settings import CONSTRAINTS, Settings, SettingsError, Value

_NODE = "face_node"
_WILDCARDS = ("/**", "/*")
"""Sections for all nodes, which may contain parameters that this node does not have."""
_EVERY_NODE = ("use_sim_time", "qos_overrides", "start_type_description_service")
"""Parameters that every node has; ``ros2 param dump`` writes them."""
_SIM_TIME = "use_sim_time"
_YAML_BOOLEANS = ("true", "false", "yes", "no", "on", "off", "y", "n")
"""Words that ROS's parser of parameters takes as truth values."""
_TYPO = 0.85
"""Similarity to a setting above which a name in a section for all nodes is refused as a typo."""


def load_settings(file: Path | None = None, words: Sequence[str] = ()) -> Settings:
    """The default settings with a parameter file's, and then ``name=value`` words, on top.

    Raises:
        SettingsError: The file is missing or is not a parameter file, or a value is not allowed.

    >>> load_settings(words=["max_faces=2"]).max_faces
    2
    """
    values = read_parameters(file) if file is not None else {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise SettingsError(f"{word!r} is not name=value")
        values[name] = parse_value(name, text)
    return update_settings(Settings(), values)


def read_parameters(
    file: Path, namespace: str | None = None, node: str = _NODE
) -> dict[str, Value]:
    """The settings in a ROS parameter file, those of more specific sections last.

    Args:
        file: The file.
        namespace: Of the node; only sections that hold for it are read. None: the namespace is not
            known, and the section of the node in any namespace is read.
        node: The node's name.

    Raises:
        SettingsError: The file cannot be read, has sections of several namespaces or none for the
            node although ``namespace`` is None, or sets something that is no setting.
    """
    values: dict[str, Value] = {}
    own: list[str] = []
    sections = dict(_sections(_parsed(file)))
    shared = [f"/**/{node}", f"/*/{node}", node, f"/{node}"]
    if namespace is None:
        own = [s for s in sections if s.endswith(f"/{node}") and s not in shared]
        if len(own) > 1:
            raise SettingsError(f"{file}: has several nodes, {', '.join(own)}; leave one")
    elif namespace.strip("/"):
        own = [f"{namespace.strip('/')}/{node}", f"/{namespace.strip('/')}/{node}"]
    wanted = [s for s in (*_WILDCARDS, *shared, *own) if s in sections]
    if not wanted and namespace is None:
        raise SettingsError(f"{file}: no ros__parameters for {node} or /**")
    for section in wanted:
        for key, value in sections[section].items():
            name = str(key)
            if name in CONSTRAINTS:
                values[name] = value
            elif not _is_expected(name, section):
                raise SettingsError(f"{file}: {unknown_name(name, CONSTRAINTS, 'setting')}")
            elif name == _SIM_TIME:
                _check_sim_time(value, f"{file}: ")
    return values


def check_ros_arguments(words: Sequence[str]) -> None:
    """Refuse unknown names in the parameters and parameter files of a ROS command line.

    ROS takes any name and ignores those that a node does not declare.

    Args:
        words: The command line, as ``face_node --ros-args -p max_faces:=2`` without the first word.

    Raises:
        SettingsError: As :func:`read_parameters`, and for a parameter that is no setting or a
            ``use_sim_time`` that is no truth value.
    """
    is_ros = False
    namespace, own_name = "", _NODE
    found: list[tuple[str, str]] = []
    for word, following in pairwise([*words, ""]):
        if word in ("--ros-args", "--"):
            is_ros = word == "--ros-args"
        elif is_ros and word in ("-p", "--param", "--params-file", "-r", "--remap"):
            found.append((word, following))
    for option, word in found:
        target, _, value = word.partition(":=")
        rule = target.rpartition(":")[2] if option in ("-r", "--remap") else ""
        if rule == "__ns":
            namespace = value
        elif rule in ("__node", "__name"):  # rcl takes both
            own_name = value
    for option, word in found:
        target, _, value = word.partition(":=")
        node, _, name = target.rpartition(":")
        if option == "--params-file":
            read_parameters(Path(word), namespace, own_name)
        elif option in ("-p", "--param") and node in ("", own_name):
            if name not in CONSTRAINTS and not _is_of_every_node(name):
                raise unknown_name(name, CONSTRAINTS, "setting")
            if name == _SIM_TIME and value:  # without a value ROS tells what is wrong
                _check_sim_time(value)


def _parsed(file: Path) -> Any:
    load, yaml_error = _yaml_reader(file)
    try:
        return load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: not a parameter file: no text in UTF-8") from error
    except yaml_error as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        words = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingsError(f"{file}: {where}{words}") from error


def _yaml_reader(file: Path) -> tuple[Callable[[str], Any], type[Exception]]:
    """The reader of ruamel.yaml, which pip installs, or of PyYAML, which ROS has."""
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError:
        try:
            import yaml
        except ImportError as error:
            raise SettingsError(f"{file}: needs ruamel.yaml: pip install ruamel.yaml") from error
        return yaml.safe_load, yaml.YAMLError
    return YAML(typ="safe", pure=True).load, YAMLError


def _sections(content: Any, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and parameters of each node; namespaces may be nested."""
    if not isinstance(content, dict):
        return
    for key, part in content.items():
        name = str(key)  # YAML also has numbers and truth values as keys
        if name == "ros__parameters" and isinstance(part, dict):
            yield prefix, part
        elif isinstance(part, dict):
            yield from _sections(
                part, f"{prefix.rstrip('/')}/{name.strip('/')}" if prefix else name
            )


def _check_sim_time(value: Any, where: str = "") -> None:
    """Refuse a ``use_sim_time`` that is no truth value; rclpy would end with a traceback.

    Raises:
        SettingsError: The message begins with ``where``.
    """
    if str(value).lower() not in _YAML_BOOLEANS:
        raise SettingsError(f"{where}{_SIM_TIME}: {value!r} is neither true nor false")


def _is_of_every_node(name: str) -> bool:
    """Whether a parameter, or one of its group such as ``qos_overrides./tf.depth``, is of ROS."""
    return name.partition(".")[0] in _EVERY_NODE


def _is_expected(name: str, section: str) -> bool:
    """Whether a parameter that is no setting may be in a section."""
    if _is_of_every_node(name):
        return True
    return section in _WILDCARDS and not nearest_name(name, CONSTRAINTS, _TYPO)
