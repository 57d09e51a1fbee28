# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads settings from a ROS parameter file, such as ``config/atpn.yaml``, without ROS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from atpn_ros.settings import Settings, SettingsError, Value, parse_value, update_settings

_NODES = ("/**", "face_node", "/face_node", "/**/face_node")
"""Node names whose parameters are read, in this order; later ones override earlier ones."""


def load_settings(file: Path | None = None, words: Sequence[str] = ()) -> Settings:
    """The default settings with a parameter file's, and then ``name=value`` words, on top.

    Raises:
        SettingsError: The file is missing or is not a parameter file, or a value is not allowed.

    >>> load_settings(words=["max_faces=2"]).max_faces
    2
    """
    values = _read(file) if file is not None else {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise SettingsError(f"{word!r} is not name=value")
        values[name] = parse_value(name, text)
    return update_settings(Settings(), values)


def _read(file: Path) -> dict[str, Value]:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError as error:
        raise SettingsError(f"{file}: needs ruamel.yaml: pip install ruamel.yaml") from error
    try:
        content: Any = YAML(typ="safe", pure=True).load(file.read_text())
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {str(error).splitlines()[0]}") from error
    values: dict[str, Value] = {}
    found = False
    for node in _NODES if isinstance(content, dict) else ():
        part = content.get(node)
        parameters = part.get("ros__parameters") if isinstance(part, dict) else None
        if isinstance(parameters, dict):
            found = True
            values |= parameters
    if not found:
        raise SettingsError(f"{file}: no ros__parameters for face_node or /**")
    # Every ROS node has these two parameters; they are not settings of this package.
    return {k: v for k, v in values.items() if k not in ("use_sim_time", "qos_overrides")}
