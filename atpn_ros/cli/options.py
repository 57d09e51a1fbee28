# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Command-line options that several commands share."""

from __future__ import annotations

import argparse
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
