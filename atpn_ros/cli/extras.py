# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that the optional dependencies of a command are installed."""

from __future__ import annotations

import importlib.util

from atpn_ros.types import AtpnError


class MissingExtra(AtpnError):
    """A library of one of the package's extras is not installed."""


def need(module: str, extra: str) -> None:
    """Check that a module of one of the package's extras is installed.

    Raises:
        MissingExtra: It is not; the message has the command to install it.
    """
    if importlib.util.find_spec(module) is None:
        raise MissingExtra(
            f"needs {module}, which is not installed: pip install 'atpn_ros[{extra}]'"
        )
