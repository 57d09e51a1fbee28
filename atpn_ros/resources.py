# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the package's data files and scripts, as installed by pip or colcon or in a checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from atpn_ros.types import AtpnError

_CHECKOUT = Path(__file__).resolve().parents[1]


class ResourceNotFoundError(AtpnError):
    """A file of this package is not installed."""


def missing_module(name: str) -> str:
    """One line on a module that is not installed, and what to install.

    >>> missing_module("numba")
    'needs numba, which is not installed: pip install numba'
    """
    root = name.partition(".")[0]
    if root in ("rclpy", "atpn_ros") or root.endswith(("_msgs", "_interfaces")):
        return (
            f"needs ROS 2 (there is no module {name}): source a workspace in which atpn_ros is "
            "built, or install both with pip: pip install 'atpn_ros[ros]'"
        )
    return f"needs {root}, which is not installed: pip install {root}"


def script_path(name: str) -> Path:
    """Path of one of this package's executables, e.g. ``face_node``.

    Raises:
        ResourceNotFoundError: It is not installed.
    """
    return _find(Path("lib", "atpn_ros", name), Path("scripts", name))


def share_path(relative: str) -> Path:
    """Path of a file or folder that is installed under ``share/atpn_ros``, e.g. ``msg``.

    Raises:
        ResourceNotFoundError: It is not installed.
    """
    return _find(Path("share", "atpn_ros", relative), Path(relative))


def _find(installed: Path, in_checkout: Path) -> Path:
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    places = [Path(sys.prefix) / installed, *(Path(p) / installed for p in prefixes if p)]
    if (_CHECKOUT / "package.xml").is_file():  # files beside the running code come first
        places.insert(0, _CHECKOUT / in_checkout)
    for place in places:
        if place.exists():
            return place
    raise ResourceNotFoundError(
        f"{in_checkout.name} is not installed: run make venv, or source your workspace"
    )
