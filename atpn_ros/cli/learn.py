# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn train`` and ``atpn export``: networks from the shell.

PyTorch is imported only when one of them runs.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from atpn_ros.types import AtpnError


class NoTorch(AtpnError):
    """PyTorch is not installed."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the two commands to ``atpn``."""
    train = commands.add_parser("train", help="train the network, or go on with a run")
    _add_data(train)
    train.add_argument("--backgrounds", type=Path, required=True, help="folder of .hdr panoramas")
    train.add_argument("--out", type=Path, required=True, help="the run's folder")
    train.add_argument("--steps", type=int, default=16000)
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--workers", type=int, default=1, help="processes that make examples")
    train.set_defaults(run=_train)

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
    from atpn_ros.learning.backgrounds import load_panoramas
    from atpn_ros.learning.data import load_faces_300w
    from atpn_ros.learning.ict import load_points
    from atpn_ros.learning.train import TrainSettings, train

    head = load_points(args.head)
    settings = TrainSettings(steps=args.steps, seed=args.seed, workers=args.workers)
    train(
        settings,
        load_faces_300w(args.faces, "train", head),
        load_faces_300w(args.faces, "val", head),
        load_panoramas(args.backgrounds),
        args.out,
    )
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
