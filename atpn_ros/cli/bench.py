# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command ``atpn bench``: measures the speed of network, pipeline and node on this machine."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from atpn_ros import __version__
from atpn_ros.bench import network, node, peers, pipeline, plots, report, targets
from atpn_ros.bench.candidate import Candidate
from atpn_ros.bench.landmark_models import LAYOUTS
from atpn_ros.bench.machine import machine
from atpn_ros.bench.peer_environment import PeerUnavailable, mediapipe_python
from atpn_ros.drawing.figures import need_matplotlib
from atpn_ros.engines import BACKENDS, PRECISIONS, LoadControl, load_engine
from atpn_ros.files import write_text
from atpn_ros.settings import SHIPPED_MODEL
from atpn_ros.types import AtpnError

_ABOUT = """
Measure speed and memory on this machine; by default: pipeline, network and memory. Wall times
depend on what else runs on the machine; CPU times and ratios depend on it less. Exit codes: 0 all
measured, 1 something could not be measured.
"""


class BadArguments(AtpnError):
    """The arguments are not valid together."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``bench`` to ``atpn``."""
    p = commands.add_parser("bench", help="measure speed on this machine", description=_ABOUT)
    p.add_argument("what", nargs="*", metavar="WHAT", help=f"any of: {', '.join(_MEASURES)}")
    p.add_argument("--network", action="append_const", dest="flags", const="network",
                   help="the same as: network")  # fmt: skip
    p.add_argument("--peers", action="append_const", dest="flags", const="peers",
                   help="the same as: peers")  # fmt: skip
    p.add_argument("--json", type=Path, help="write the results to this file")
    p.add_argument(
        "--plots", type=Path, metavar="FOLDER", help="write plots of them (needs matplotlib)"
    )
    p.add_argument(
        "--seconds", type=float, default=4.0,
        help="approximate length of each measurement (default 4)",
    )  # fmt: skip
    p.set_defaults(run=run, flags=[], outputs=("json", "plots"))

    n = p.add_argument_group("network")
    n.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="an ATPN .onnx file")
    n.add_argument("--backend", choices=BACKENDS, default="auto")
    n.add_argument("--precision", choices=PRECISIONS, default="auto")
    n.add_argument("--threads", type=int, nargs="+", default=[1], help="one measurement per number")
    n.add_argument("--batches", type=int, nargs="+", default=list(network.BATCHES))

    f = p.add_argument_group("pipeline, memory, peers")
    f.add_argument("--faces", type=int, nargs="+", default=list(pipeline.FACES))

    r = p.add_argument_group("node")
    r.add_argument("--rates", type=float, nargs="+", default=list(node.RATES_HZ), metavar="HZ")
    r.add_argument("--runs", type=int, default=5, help="runs at each rate (default 5)")

    o = p.add_argument_group("peers: MediaPipe Face Mesh and other landmark models")
    o.add_argument("--peer-model", type=Path, help="an ONNX landmark model to compare with")
    o.add_argument("--peer-layout", choices=tuple(LAYOUTS), help="landmark layout of its output")
    o.add_argument(
        "--peer-python", type=Path, default=Path(sys.executable),
        help="Python 3.9 to 3.12 interpreter for MediaPipe's virtual environment",
    )  # fmt: skip
    o.add_argument(
        "--pairs", type=int, default=20, help="pairs of blocks per comparison (default 20)"
    )
    o.add_argument(
        "--core", type=int, help="CPU core that all candidates run on (default: the last)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the measurements, print tables and write files."""
    what = list(dict.fromkeys([*args.what, *args.flags])) or ["pipeline", "network", "memory"]
    for name in what:
        if name not in _MEASURES:
            raise BadArguments(f"{name}: must be one of {', '.join(_MEASURES)}")
    if (args.peer_model is None) != (args.peer_layout is None):
        raise BadArguments("--peer-model and --peer-layout must be given together")
    if args.plots is not None:
        need_matplotlib()
    where = machine()
    print(report.head(where), flush=True)
    result: dict[str, Any] = {
        "what": what,
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "atpn_ros": __version__,
        "machine": where,
    }
    failed = False
    for name in what:
        figures, lines, good = _MEASURES[name](args)
        result[name] = figures
        failed |= not good
        print("", *lines, sep="\n", flush=True)
    result["machine"]["load_after"] = f"{os.getloadavg()[0]:.2f}"
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        write_text(args.json, json.dumps(result, indent=2) + "\n")
    if args.plots is not None:
        for path in plots.draw(result, args.plots):
            print(path)
    return int(failed)


Measurement = tuple[Any, list[str], bool]
"""Results for JSON, lines of text, and whether everything could be measured."""


def _network(args: argparse.Namespace) -> Measurement:
    figures: list[network.NetworkTiming] = []
    reports: list[str] = []
    for threads in args.threads:
        engine = load_engine(
            args.model, args.backend, threads, strict=args.backend != "auto",
            max_faces=max(args.batches), precision=args.precision, control=LoadControl(print),
        )  # fmt: skip
        figures += network.measure(engine, threads, tuple(args.batches), args.seconds)
        reports.append(engine.report)
        engine.close()
    gains = {str(t): r for t in args.threads if (r := network.batch_gain(figures, t)) is not None}
    content = {
        "model": str(args.model),
        "engines": reports,
        "figures": [asdict(f) for f in figures],
        "batch_of_four_over_four_calls": gains,
    }
    return content, report.network_table(figures, reports), True


def _pipeline(args: argparse.Namespace) -> Measurement:
    figures = [
        pipeline.measure(faces, mode, args.seconds)
        for mode in ("tracked", "detect")
        for faces in args.faces
    ]
    return [asdict(f) for f in figures], report.pipeline_table(figures), True


def _node(args: argparse.Namespace) -> Measurement:
    figure = node.measure(1, args.seconds, args.runs, args.rates)
    return asdict(figure), report.node_table(figure), True


def _memory(args: argparse.Namespace) -> Measurement:
    figures = {}
    with peers.frame_files() as files:
        for faces in args.faces:
            with Candidate(Path(sys.executable), "ours", files(faces), faces, None) as ours:
                ours.block(0, peers.LOOP)
                figures[f"pipeline, {faces} face{'s' if faces > 1 else ''}"] = ours.memory()
    return {k: asdict(m) for k, m in figures.items()}, report.memory_table(figures), True


def _peers(args: argparse.Namespace) -> Measurement:
    core = args.core if args.core is not None else max(os.sched_getaffinity(0))
    settings = peers.ComparisonSettings(core, args.pairs)
    rows = []
    with peers.frame_files() as files:
        try:
            python = mediapipe_python(args.peer_python)
            comparisons = peers.whole_frames(python, args.faces)
        except PeerUnavailable as error:
            rows.append(peers.Comparison("MediaPipe Face Mesh", error=str(error)))
            comparisons = [peers.growth()]
        if args.peer_model is not None:
            comparisons.append(peers.crops(args.peer_model.resolve(), args.peer_layout))
        rows += [
            peers.compare(what, first, second, files, settings)
            for what, first, second in comparisons
        ]
    shares = [pipeline.measure(1, "tracked", args.seconds)]
    results = targets.check_targets(rows, shares)
    content = {
        "core": core,
        "pairs": settings.pairs,
        "frames_of_a_block": settings.block,
        "rows": [asdict(r) for r in rows],
        "python_share_of_one_face": shares[0].python_share,
        "targets": [asdict(r) | {"status": r.status} for r in results],
    }
    return content, report.peers_table(rows, results), not any(r.error for r in rows)


_MEASURES: dict[str, Callable[[argparse.Namespace], Measurement]] = {
    "network": _network,
    "pipeline": _pipeline,
    "node": _node,
    "memory": _memory,
    "peers": _peers,
}
