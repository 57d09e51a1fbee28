# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn train``: networks from the shell.

PyTorch is imported only when it runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from atpn_ros.cli.extras import need


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    train = commands.add_parser("train", help="train a network as a run file says, or go on")
    train.add_argument("run_file", type=Path, metavar="RUN.yaml", help="see config/runs/")
    train.add_argument("--data", type=Path, required=True, help="folder of the data")
    train.add_argument("--out", type=Path, required=True, help="the run's folder")
    train.add_argument("--workers", type=int, default=1, help="processes that make examples")
    train.add_argument("--threads", type=int, help="of PyTorch; default: as many as cores")
    train.set_defaults(run=_train)


def _train(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.training.run_file import load_run, run_training

    run_training(load_run(args.run_file), args.data, args.out, args.workers, args.threads)
    return 0
