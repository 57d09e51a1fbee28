# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn train``, which trains a network from a run file."""

from __future__ import annotations

import argparse
from pathlib import Path

from atpn_ros.cli.extras import need
from atpn_ros.types import AtpnError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    train = commands.add_parser("train", help="train a network, or resume a training")
    train.add_argument("run_file", type=Path, metavar="RUN.yaml", help="see config/runs/")
    train.add_argument("--data", type=Path, required=True, help="parent of the data folders")
    train.add_argument("--out", type=Path, required=True, help="output folder of the run")
    train.add_argument("--workers", type=int, default=1, help="processes that make training crops")
    train.add_argument("--threads", type=int, help="PyTorch's threads (default: one per core)")
    train.add_argument("--minutes", type=float, help="duration: the number of steps follows from "
                       "their measured time and replaces the file's")  # fmt: skip
    train.set_defaults(run=_train, outputs=("out",))


def _train(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.training.stages import run_file

    if args.minutes is not None and not args.minutes > 0:
        raise AtpnError(f"--minutes must be above 0, is {args.minutes}")
    run_file(args.run_file, args.data, args.out, args.workers, args.threads, args.minutes)
    return 0
