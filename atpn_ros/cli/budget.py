# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn budget``, which compares the cost of a model with its limits."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from atpn_ros.types import AtpnError


class CounterMissingError(AtpnError):
    """onnx-tool is not installed."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``atpn``."""
    p = commands.add_parser("budget", help="parameters, operations and time of a model")
    p.add_argument("model", type=Path, help=".onnx file or checkpoint (.pt)")
    p.add_argument("--yunet", type=Path, required=True,
                   help="yunet_n_320.onnx, for the comparison of the time")  # fmt: skip
    p.add_argument("--calls", type=int, default=200, help="timed calls of each (default 200)")
    p.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if importlib.util.find_spec("onnx_tool") is None:
        raise CounterMissingError("onnx-tool is not installed: pip install 'atpn_ros[learning]'")
    if args.calls < 10:
        raise AtpnError(f"--calls must be at least 10, is {args.calls}")
    from atpn_ros.learning.evaluation.checkpoint_export import onnx_file
    from atpn_ros.learning.export.model_cost import CostLimits, measure_cost

    limits = CostLimits()
    with onnx_file(args.model) as path:
        costs = measure_cost(path, args.yunet, args.calls)
    rows = [
        ("parameters", f"{costs.parameters / 1e6:.3f} M", f"{limits.parameters / 1e6:.1f} M",
         costs.parameters <= limits.parameters),
        ("multiply-accumulates", f"{costs.operations / 1e6:.1f} M",
         f"{limits.operations / 1e6:.0f} M", costs.operations <= limits.operations),
        ("time over YuNet's", f"{costs.ratio.median:.3f} "
         f"({costs.ratio.low:.3f}-{costs.ratio.high:.3f})", f"{limits.ratio:.2f}",
         costs.ratio.median <= limits.ratio),
    ]  # fmt: skip
    print(f"{'':22}{'':24}{'at most':10}")
    for name, value, limit, within in rows:
        print(f"{name:22}{value:24}{limit:10}{'' if within else 'OVER'}".rstrip())
    for name, ms in (("model", costs.model_ms), ("YuNet, 320x320", costs.yunet_ms)):
        print(f"{name:22}{ms.median:.2f} ms ({ms.low:.2f}-{ms.high:.2f})")
    print(f"CPU time of one thread, {args.calls} calls of each in turn: median (10th-90th percent)")
    return 0
