# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The commands ``atpn ablate``, ``atpn train-asmnet`` and ``atpn export-asmnet`` of the studies."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from atpn_ros.cli.extras import need


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to ``atpn``."""
    ablate = commands.add_parser("ablate", help="train ATPN with and without each design choice")
    ablate.add_argument("--workers", type=int, default=1, help="processes that make training crops")
    ablate.set_defaults(run=_ablate, outputs=("out", "page"))
    asmnet = commands.add_parser(
        "train-asmnet", help="train ASMNet and MobileNetV2 with and without its assisted loss"
    )
    asmnet.set_defaults(run=_train_asmnet, outputs=("out", "page"))
    export = commands.add_parser("export-asmnet", help="write an ASMNet of a study as ONNX")
    export.add_argument("checkpoint", type=Path, help="checkpoint.pt of a row of the study")
    export.add_argument("model", type=Path, help="the .onnx file to write")
    export.add_argument("--plan", type=Path, required=True, metavar="PLAN.yaml",
                        help="of the study")  # fmt: skip
    export.add_argument("--data", type=Path, required=True, help="parent of the data folders")
    export.add_argument("--finds", default="finds.npz", metavar="FILE",
                        help="crops that train presence, in DATA (default finds.npz)")  # fmt: skip
    export.add_argument("--without-faces", default="nofaces", metavar="DIR",
                        help="pictures without faces, in DATA (default nofaces)")  # fmt: skip
    export.add_argument("--weights", type=Path, metavar="FILE.npz",
                        help="write the weights too, to begin another training with")  # fmt: skip
    export.set_defaults(run=_export_asmnet, outputs=("model", "weights"))
    for parser in (ablate, asmnet):
        parser.add_argument("plan", type=Path, metavar="PLAN.yaml", help="see config/studies/")
        parser.add_argument(
            "--data", type=Path, required=True, help="parent of the plan's data folders"
        )
        parser.add_argument("--out", type=Path, required=True,
                            help="output folder; finished runs in it are not repeated")  # fmt: skip
        parser.add_argument("--page", type=Path, metavar="PAGE",
                            help="Markdown page for the tables; JSON goes beside it")  # fmt: skip
        parser.add_argument("--threads", type=int, help="PyTorch's threads (default: one per core)")


def _ablate(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.studies import ablation

    plan = ablation.load_plan(args.plan)
    report = ablation.run_study(plan, args.data, args.out, args.workers, args.threads)
    return write_report(args, report, ablation.tables(report))


def _train_asmnet(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.studies import asmnet_study

    plan = asmnet_study.load_plan(args.plan)
    report = asmnet_study.run_study(plan, args.data, args.out, args.threads)
    return write_report(args, report, asmnet_study.tables(report))


def _export_asmnet(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.learning.export.weights_file import write_weights
    from atpn_ros.learning.studies import asmnet_deployment, asmnet_study

    plan = asmnet_study.load_plan(args.plan)
    asmnet_deployment.deploy(
        args.checkpoint, plan, args.data, args.finds, args.without_faces, args.model
    )
    if args.weights is not None:
        write_weights(asmnet_deployment.load_asmnet(args.checkpoint)[0], args.weights)
    print(f"{args.model}: {args.model.stat().st_size / 1e6:.2f} MB")
    return 0


def write_report(args: argparse.Namespace, report: dict[str, Any], tables: str) -> int:
    """Print tables, and write them and the report to the page of ``--page``; returns 0."""
    from atpn_ros.learning.studies import pages

    print(tables)
    if args.page is not None:
        pages.replace_tables(args.page, tables)
        pages.write_json(args.page, report)
    return 0
