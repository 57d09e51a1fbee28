# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Commands that need more than the package itself does."""

from __future__ import annotations

import importlib.util

from atpn_ros.types import AtpnError


class MissingExtra(AtpnError):
    """A library of one of the package's extras is not installed."""


def need(module: str, extra: str) -> None:
    """Stop with the way out where a library is missing.

    Raises:
        MissingExtra: Says how to install it.
    """
    if importlib.util.find_spec(module) is None:
        raise MissingExtra(
            f"needs {module}, which is not installed: pip install 'atpn_ros[{extra}]'"
        )
