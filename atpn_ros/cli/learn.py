# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn train``, ``atpn evaluate`` and ``atpn export``: the learning side from the shell.

PyTorch is imported only when one of them runs.
"""

from __future__ import annotations

import argparse
import importlib.util
from dataclasses import asdict
from pathlib import Path

from atpn_ros.types import AtpnError


class NoTorch(AtpnError):
    """PyTorch is not installed."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands to ``atpn``."""
    train = commands.add_parser("train", help="train a network as a run file says, or go on")
    train.add_argument("run_file", type=Path, metavar="RUN.yaml", help="see config/runs/")
    train.add_argument("--data", type=Path, required=True, help="folder of the data")
    train.add_argument("--out", type=Path, required=True, help="the run's folder")
    train.add_argument("--workers", type=int, default=1, help="processes that make examples")
    train.add_argument("--threads", type=int, help="of PyTorch; default: as many as cores")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure a checkpoint on held-back faces")
    _add_data(evaluate)
    evaluate.add_argument("checkpoint", type=Path)
    evaluate.set_defaults(run=_evaluate)

    export = commands.add_parser("export", help="write a checkpoint's network as ONNX")
    export.add_argument("checkpoint", type=Path)
    export.add_argument("model", type=Path)
    export.add_argument("--no-gaze", action="store_true", help="leave the gaze head out")
    export.set_defaults(run=_export)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--faces", type=Path, required=True, help="folder with labels.json, images/"
    )
    parser.add_argument("--head", type=Path, required=True, help="folder of the packed ICT head")


def _need_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise NoTorch("needs PyTorch: pip install 'atpn_ros[learning]'")


def _train(args: argparse.Namespace) -> int:
    _need_torch()
    import torch

    from atpn_ros.learning.runs import carry_out, load_run

    run = load_run(args.run_file)
    if args.threads:
        torch.set_num_threads(args.threads)
    carry_out(run, args.data, args.out, args.workers)
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    _need_torch()
    from atpn_ros.learning.data import load_faces_300w
    from atpn_ros.learning.evaluate import evaluate
    from atpn_ros.learning.ict import load_points
    from atpn_ros.learning.train import load_average

    samples = load_faces_300w(args.faces, "val", load_points(args.head))
    figures = evaluate(load_average(args.checkpoint), samples)
    for name, value in asdict(figures).items():
        print(f"{name:14} {value:.4g}")
    return 0


def _export(args: argparse.Namespace) -> int:
    _need_torch()
    from atpn_ros.learning.export import export
    from atpn_ros.learning.train import load_average

    network = load_average(args.checkpoint)
    if args.no_gaze:
        network.gaze = None
    export(network, args.model)
    return 0
