# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The list of commands that ``atpn --help`` prints."""

import argparse

from atpn_ros.cli import _help_lines


def test_a_percent_sign_is_printed_once():
    commands = argparse.ArgumentParser().add_subparsers()
    commands.add_parser("measure", help="recall at 1 %% false alarms")
    assert _help_lines(commands._get_subactions()) == [
        "  measure             recall at 1 % false alarms"
    ]
