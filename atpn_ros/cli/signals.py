# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The exceptions by which signals end a command, so that unfinished files are removed."""

from __future__ import annotations

import signal


class Terminated(KeyboardInterrupt):
    """The process received SIGTERM, or SIGHUP as its terminal was closed; holds the number."""


def interruption(number: int) -> KeyboardInterrupt:
    """The exception for the number of a signal: Python's own for SIGINT.

    >>> interruption(signal.SIGTERM).args
    (15,)
    """
    return KeyboardInterrupt() if number == signal.SIGINT else Terminated(int(number))
