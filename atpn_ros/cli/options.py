# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command-line options that several commands share."""

from __future__ import annotations

import argparse
import math
from pathlib import Path


def add_settings_options(parser: argparse._ActionsContainer) -> None:
    """Add ``--params-file`` and ``--set``, which :func:`load_settings` takes."""
    parser.add_argument(
        "--params-file", type=Path, help="ROS parameter file, for example config/atpn.yaml"
    )
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="override settings",
    )


def positive(text: str) -> float:
    """Parse an argument that is a finite number above 0, for ``type`` of ``argparse``."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def settings_files(args: argparse.Namespace) -> list[Path]:
    """The files that the options of :func:`add_settings_options` may name."""
    file: Path | None = getattr(args, "params_file", None)
    words = [word.partition("=")[2] for word in getattr(args, "set", ())]
    return [*([] if file is None else [file]), *(Path(word) for word in words if word)]
