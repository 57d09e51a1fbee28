# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks values of settings, and parses them from text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from atpn_ros.settings import CONSTRAINTS, Settings, SettingsError, Value


def update_settings(
    settings: Settings, values: Mapping[str, Value], running: bool = False
) -> Settings:
    """Return settings with some values replaced, after checking them.

    Args:
        settings: The current settings, which also define the type of each value.
        values: Names and new values.
        running: Whether only reconfigurable settings may change.

    Raises:
        SettingsError: Unknown name, wrong type, out of range, or not reconfigurable while running.

    >>> update_settings(Settings(), {"max_faces": 2}).max_faces
    2
    """
    checked: dict[str, Value] = {}
    for name, value in values.items():
        if name not in CONSTRAINTS:
            raise unknown_name(name, CONSTRAINTS, "setting")
        rule, old = CONSTRAINTS[name], getattr(settings, name)
        if type(value) is int and type(old) is float:
            value = float(value)
        if type(value) is not type(old):
            raise SettingsError(f"{name}: {value!r} is not of type {type(old).__name__}")
        if running and not rule.reconfigurable and value != old:
            raise SettingsError(f"{name}: can only be set before the node is configured")
        if rule.choices and value not in rule.choices:
            raise SettingsError(f"{name}: {value!r} is none of {', '.join(rule.choices)}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not rule.minimum <= value <= rule.maximum:  # type: ignore[operator]
            raise SettingsError(f"{name}: {value} is not in {rule.minimum:g} .. {rule.maximum:g}")
        if type(value) is int and (value - int(rule.minimum)) % rule.step:
            raise SettingsError(f"{name}: {value} is not a multiple of {rule.step}")
        checked[name] = value
    changed = replace(settings, **checked)  # type: ignore[arg-type]
    _check_together(changed)
    return changed


def _check_together(settings: Settings) -> None:
    """Raise where values are allowed alone but not together, or not as the name of a frame."""
    start, keep = settings.start_presence, settings.keep_presence
    if start < keep:
        raise SettingsError(f"start_presence: {start:g} is less than keep_presence ({keep:g})")
    if not re.fullmatch(r"([\w.~-][\w./~-]*)?", settings.tf_prefix, re.ASCII):
        raise SettingsError(
            f"tf_prefix: {settings.tf_prefix!r:.60} may hold letters, digits and _ - . / ~"
            ", and must not begin with /"
        )


def nearest_name(name: str, known: Iterable[str], cutoff: float = 0.7) -> str:
    """The known name that is most like another; empty if none is.

    >>> nearest_name("max_face", CONSTRAINTS), nearest_name("robot", CONSTRAINTS)
    ('max_faces', '')
    """
    return next(iter(get_close_matches(name.lower(), list(known), 1, cutoff)), "")


def unknown_name(name: str, known: Iterable[str], kind: str) -> SettingsError:
    """The error for a name that is not known; it gives the nearest known one.

    Args:
        name: The unknown name.
        known: All known names.
        kind: What it was taken for, e.g. ``"setting"``.
    """
    near = nearest_name(name, known)
    return SettingsError(f"{name}: no such {kind}" + (f"; did you mean {near}?" if near else ""))


def parse_bool(name: str, text: str) -> bool:
    """Parse true or false.

    Raises:
        SettingsError: Any other text, 1 and 0 too.
    """
    if text.lower() not in ("true", "false"):
        raise SettingsError(f"{name}: {text!r} is neither true nor false")
    return text.lower() == "true"


def parse_value(name: str, text: str) -> Value:
    """Parse a setting's value from a string of the command line.

    Raises:
        SettingsError: Unknown name, or not a value of its type.

    >>> parse_value("smoothing", "false"), parse_value("memory", "2")
    (False, 2.0)
    """
    if name not in CONSTRAINTS:
        raise unknown_name(name, CONSTRAINTS, "setting")
    kind = type(getattr(Settings(), name))
    if kind is bool:
        return parse_bool(name, text)
    try:
        value: Value = kind(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {text!r} is not of type {kind.__name__}") from error
    return value
