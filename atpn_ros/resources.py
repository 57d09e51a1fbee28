# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files lie that are not Python: installed by pip or colcon, or in a checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from atpn_ros.types import AtpnError

_CHECKOUT = Path(__file__).resolve().parents[1]


class ResourceNotFoundError(AtpnError):
    """A file of this package that is nowhere."""


def script_path(name: str) -> Path:
    """One of this package's executables, e.g. ``face_node``.

    Raises:
        ResourceNotFoundError: It is nowhere.
    """
    return _find(Path("lib", "atpn_ros", name), Path("scripts", name))


def share_path(relative: str) -> Path:
    """A file or folder that is installed under ``share/atpn_ros``, e.g. ``msg``.

    Raises:
        ResourceNotFoundError: It is nowhere.
    """
    return _find(Path("share", "atpn_ros", relative), Path(relative))


def _find(installed: Path, in_checkout: Path) -> Path:
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    places = [Path(sys.prefix) / installed, *(Path(p) / installed for p in prefixes if p)]
    if (_CHECKOUT / "package.xml").is_file():  # what lies beside the code that runs, first
        places.insert(0, _CHECKOUT / in_checkout)
    for place in places:
        if place.exists():
            return place
    raise ResourceNotFoundError(
        f"{in_checkout.name} is not installed: run make venv, or source your workspace"
    )
