# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn train-asmnet``: a study from the shell; see config/studies/.

PyTorch is imported only when it runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from atpn_ros.cli.learn import need_torch


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    asmnet = commands.add_parser(
        "train-asmnet", help="train ASMNet and MobileNetV2 with and without its assisted loss"
    )
    asmnet.set_defaults(run=_train_asmnet)
    for parser in (asmnet,):
        parser.add_argument("plan", type=Path, metavar="PLAN.yaml", help="see config/studies/")
        parser.add_argument("--data", type=Path, required=True, help="folder of the data")
        parser.add_argument("--out", type=Path, required=True,
                            help="folder of the runs; those that are done are not done again")  # fmt: skip
        parser.add_argument("--page", type=Path, metavar="PAGE.md",
                            help="put the tables between its markers")  # fmt: skip
        parser.add_argument("--threads", type=int, help="of PyTorch; default: as many as cores")


def _train_asmnet(args: argparse.Namespace) -> int:
    _begin(args)
    from atpn_ros.learning.studies import asm_study

    report = asm_study.carry_out(asm_study.load_plan(args.plan), args.data, args.out)
    return _tell(args, asm_study.tables(report))


def _begin(args: argparse.Namespace) -> None:
    need_torch()
    import torch

    if args.threads is not None:
        torch.set_num_threads(args.threads)


def _tell(args: argparse.Namespace, tables: str) -> int:
    from atpn_ros.learning.studies import pages

    print(tables)
    if args.page is not None:
        pages.fill(args.page, tables)
    return 0
