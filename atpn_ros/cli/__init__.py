# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn``. Each sub-command is a module with ``add_parser`` and ``run``."""

from __future__ import annotations

import argparse
import os
import sys

from atpn_ros.cli import (
    bench,
    budget,
    demo,
    detector,
    engine,
    evaluate,
    export,
    learn,
    pictures,
    replay,
    studies,
    synth,
)
from atpn_ros.types import AtpnError

_COMMANDS = (
    demo,
    pictures,
    replay,
    engine,
    bench,
    synth,
    learn,
    evaluate,
    budget,
    export,
    detector,
    studies,
)


def main(arguments: list[str] | None = None) -> int:
    """Run one sub-command; errors are one line."""
    parser = argparse.ArgumentParser(prog="atpn", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    args = parser.parse_args(arguments)
    try:
        code = int(args.run(args))
        sys.stdout.flush()  # not only when Python ends, where nobody could catch what goes wrong
        return code
    except AtpnError as error:
        print(f"atpn {args.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read what was printed has seen enough, like `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
