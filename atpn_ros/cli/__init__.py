# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command line tool ``atpn``; each module here adds one or more of its commands."""

from __future__ import annotations

import argparse
import importlib.util
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from atpn_ros.cli import (
    bench,
    budget,
    demo,
    detection_range,
    detector,
    engine,
    evaluate,
    export,
    fetch,
    pictures,
    presence,
    replay,
    studies,
    synth,
    tracking,
    train,
)
from atpn_ros.cli.options import settings_files
from atpn_ros.cli.signals import Terminated, interruption
from atpn_ros.files import check_inputs_kept, error_text
from atpn_ros.types import AtpnError

_RUNNING = (demo, pictures, replay, fetch, engine, bench)
_TRAINING = (synth, train, evaluate, presence, budget, export, detector, detection_range, tracking,
             studies)  # fmt: skip

_DESCRIPTION = (
    "Finds faces in images, videos and recordings, and trains and measures the networks that do it."
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; an error is printed as one line.

    After SIGINT, SIGTERM and SIGHUP unfinished files are removed and the exit code is 130, 143 and
    129; after a broken pipe of the standard output it is 141.
    """
    args = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # file names that are not UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _ending_by_exception():
            _check_outputs(args)
            code = int(args.run(args))
            sys.stdout.flush()  # here, since an error could not be handled when Python exits
            return code
    except BrokenPipeError:  # the reader of our output has ended, for example `head`
        _discard_output()
        return 141
    except (AtpnError, OSError) as error:
        words = error_text(error) if isinstance(error, OSError) else error
        print(f"atpn {args.command}: {words}", file=sys.stderr)
        _discard_output()
        return 1
    except Terminated as end:
        return 128 + int(end.args[0])
    except KeyboardInterrupt:
        return 130


@contextmanager
def _ending_by_exception() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise an exception, as SIGINT does, so that files are removed."""

    def end(number: int, frame: FrameType | None) -> None:
        raise interruption(number)

    numbers: tuple[signal.Signals, ...] = (signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():  # cannot set signal handlers
        numbers = ()
    # An ignored signal stays ignored: nohup.
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) is signal.SIG_DFL}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _discard_output() -> None:
    """Discard buffered output that cannot be written; Python would try again when it exits."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_outputs(args: argparse.Namespace) -> None:
    """Check that no output of a command, as its ``outputs`` names them, is one of its inputs."""
    outputs: tuple[str, ...] = getattr(args, "outputs", ())
    read = [p for name, v in vars(args).items() if name not in outputs for p in _paths(v)]
    written = [p for name in outputs for p in _paths(getattr(args, name))]
    check_inputs_kept(written, [*read, *settings_files(args)])


def _paths(value: Any) -> Iterator[Path]:
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, Path):
            yield item


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="atpn",
        usage="atpn [-h] COMMAND ...",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # argparse cannot group commands, so the list of them is written into the epilog.
    commands = parser.add_subparsers(
        prog="atpn", dest="command", required=True, metavar="COMMAND", help=argparse.SUPPRESS
    )
    for module in _RUNNING:
        module.add_parser(commands)
    running = list(commands._get_subactions())
    for module in _TRAINING:
        module.add_parser(commands)
    training = commands._get_subactions()[len(running) :]
    if importlib.util.find_spec("torch") is None:
        names = ", ".join(action.dest for action in training)
        rest = f"training (pip install 'atpn_ros[learning,synth]'): {names}"
    else:
        rest = "\n".join(["training:", *_help_lines(training)])
    ending = "'atpn COMMAND --help' describes the options of a command."
    parser.epilog = "\n".join(["running:", *_help_lines(running), "", rest, "", ending])
    return parser


def _help_lines(commands: list[argparse.Action]) -> list[str]:
    # As argparse does: a percent sign is written twice in a help text.
    return [f"  {command.dest:18}  {(command.help or '') % {}}" for command in commands]
