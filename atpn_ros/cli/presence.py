# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn evaluate-presence``: errors of the network's probability of a face."""

from __future__ import annotations

import argparse
from pathlib import Path

from atpn_ros.cli.extras import need


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    p = commands.add_parser(
        "evaluate-presence", help="how many true faces presence keeps, by size, at 1 %% false ones"
    )
    p.add_argument("models", type=Path, nargs="+", metavar="MODEL.onnx")
    p.add_argument("--scenes", type=Path, required=True, metavar="DIR",
                   help="pictures with labels.json: all faces' boxes")  # fmt: skip
    p.add_argument("--without-faces", type=Path, required=True, metavar="DIR",
                   help="folder with images/ without a face; every tenth is used")  # fmt: skip
    p.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    need("torch", "learning")
    from atpn_ros.engines.onnx import OnnxEngine
    from atpn_ros.learning.evaluation.presence_metrics import measure_presence
    from atpn_ros.learning.evaluation.report import format_estimate

    for path in args.models:
        engine = OnnxEngine(path, "onnx-cpu", "CPUExecutionProvider")
        found = measure_presence(engine, args.scenes, args.without_faces)
        print(
            f"{path}: 1 % of the pieces without a face have a presence above {found.threshold:.2f}"
        )
        for size, kept in found.kept.items():
            print(f"  faces of {size} px kept, %: {format_estimate(kept, 1)}")
        for at, kept_at in found.kept_at.items():
            print(f"  above {at}: {kept_at:.1f} % of faces, {found.taken_at[at]:.2f} % of pieces")
    return 0
