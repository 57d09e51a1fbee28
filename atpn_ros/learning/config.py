# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads YAML files into dataclasses, with strict checks of field names and types."""

from __future__ import annotations

import difflib
import math
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from atpn_ros.types import AtpnError

T = TypeVar("T")


class ConfigError(AtpnError):
    """A configuration file that cannot be read, or has an unknown, missing or invalid field."""


def read_config(path: Path, kind: type[T]) -> T:
    """Read a YAML mapping into a dataclass; fields that are absent keep their defaults.

    Nested dataclasses, tuples, ``Literal`` and optional fields are supported.

    Raises:
        ConfigError: The file cannot be read, or a field is unknown, missing or of another type.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {str(error).splitlines()[0]}") from error
    return _dataclass(kind, {} if content is None else content, str(path))


def _dataclass(kind: Any, content: Any, where: str) -> Any:
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: must be a mapping of fields, is {content!r}")
    types = typing.get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    for name in content:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, 1)
            hint = f" (did you mean {close[0]}?)" if close else ""
            raise ConfigError(f"{where}: {name}: no such field{hint}")
    values = {n: _value(types[n], v, f"{where}: {n}") for n, v in content.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {str(error).split(') ')[-1]}") from error
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _value(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin is Literal:
        choices = typing.get_args(kind)
        if value not in choices:
            raise ConfigError(f"{where}: must be one of {', '.join(choices)}, is {value!r}")
        return value
    if origin in (UnionType, typing.Union):
        if value is None and NoneType in typing.get_args(kind):
            return None
        kinds = [k for k in typing.get_args(kind) if k is not NoneType]
        lists = [k for k in kinds if typing.get_origin(k) is tuple]
        others = [k for k in kinds if k not in lists]
        kind = lists[0] if lists and (isinstance(value, list) or not others) else others[0]
        return _value(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where}: must be a list, is {value!r}")
        item = typing.get_args(kind)[0]
        return tuple(_value(item, v, f"{where}[{i}]") for i, v in enumerate(value))
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"{where}: must be {kind.__name__}, is {value!r}")
    if kind is float and not math.isfinite(value):
        raise ConfigError(f"{where}: must be finite, is {value!r}")
    return value
