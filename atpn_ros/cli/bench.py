# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``atpn bench --network``: milliseconds per face, by batch and threads, with what they are of."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from atpn_ros import __version__
from atpn_ros.engines import BACKENDS, PRECISIONS, Engine, Watch, load_engine
from atpn_ros.engines.compare import sample_crops
from atpn_ros.settings import SHIPPED_MODEL

BATCHES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Figure:
    """How long calls of one kind took, milliseconds.

    Attributes:
        threads: Of the network, on a CPU.
        batch: Faces in one call.
        call_p50: Median of a call.
        call_p99: 99th percentile of a call.
        call_best: The fastest call: the one that nothing else on this machine disturbed.
        face: The fastest call, per face.
        calls: How many were measured.
    """

    threads: int
    batch: int
    call_p50: float
    call_p99: float
    call_best: float
    face: float
    calls: int


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``bench`` to ``atpn``."""
    parser = commands.add_parser("bench", help="measure speed on this machine")
    parser.add_argument("--network", action="store_true", required=True, help="the network alone")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="an ATPN .onnx file")
    parser.add_argument("--backend", choices=BACKENDS, default="auto")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="one run for each")
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--seconds", type=float, default=8.0, help="for each number of threads")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print; 0."""
    figures: list[Figure] = []
    reports: list[str] = []
    for threads in args.threads:
        loaded = load_engine(
            args.model, args.backend, threads, strict=args.backend != "auto",
            max_faces=max(args.batches), precision=args.precision, watch=Watch(print),
        )  # fmt: skip
        figures += measure(loaded.engine, threads, tuple(args.batches), args.seconds)
        reports.append(loaded.engine.report)
        loaded.engine.close()
    result = {
        "what": "network",
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "atpn_ros": __version__,
        "model": str(args.model),
        "engines": reports,
        "machine": machine(),
        "figures": [asdict(f) for f in figures],
        "batch_of_four_over_four_calls": {
            str(t): ratio for t in args.threads if (ratio := gain(figures, t)) is not None
        },
    }
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=2) + "\n")
    print(table(figures, reports))
    return 0


def measure(engine: Engine, threads: int, batches: tuple[int, ...], seconds: float) -> list[Figure]:
    """Time calls of each batch size, in turns, so that what else runs here disturbs all alike."""
    crops = sample_crops(max(batches))
    times: dict[int, list[float]] = {n: [] for n in batches}
    for n in batches:
        for _ in range(3):
            engine.run(crops[:n])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[batches[-1]]) < 5:
        for n in batches:
            began = time.perf_counter()
            engine.run(crops[:n])
            times[n].append(1e3 * (time.perf_counter() - began))
    figures = []
    for n in batches:
        p50, p99, best = (float(v) for v in np.percentile(times[n], [50, 99, 0]))
        p50, p99, best, face = (round(v, 3) for v in (p50, p99, best, best / n))
        figures.append(Figure(threads, n, p50, p99, best, face, len(times[n])))
    return figures


def gain(figures: list[Figure], threads: int) -> float | None:
    """The time of a batch of four over that of four single calls; None if not measured.

    Of the fastest calls: on a busy machine a long call is interrupted more often than a short one.

    >>> gain([Figure(1, 1, 2.1, 3.0, 2.0, 2.0, 9), Figure(1, 4, 6.1, 9.0, 6.0, 1.5, 9)], 1)
    0.75
    """
    face = {f.batch: f.face for f in figures if f.threads == threads}
    return round(face[4] / face[1], 3) if 1 in face and 4 in face else None


def table(figures: list[Figure], reports: list[str]) -> str:
    """The figures for people."""
    where = machine()
    lines = [f"{where['cpu']}, {where['cores']} cores; Python {where['python']}", *reports, ""]
    lines.append("threads  batch  call: best      p50      p99   best per face")
    for f in figures:
        calls = "".join(f"{v:9.2f}" for v in (f.call_best, f.call_p50, f.call_p99))
        lines.append(f"{f.threads:7}  {f.batch:5}  {calls}  {f.face:14.2f} ms")
    for threads in dict.fromkeys(f.threads for f in figures):
        ratio = gain(figures, threads)
        if ratio is not None:
            lines.append(f"{threads} thread(s): a batch of four takes {ratio:.2f} of four calls")
    return "\n".join(lines)


def machine() -> dict[str, str | int]:
    """What the figures are of."""
    versions = {"numpy": np.__version__}
    for name in ("onnxruntime", "tensorrt"):
        try:
            versions[name] = str(importlib.import_module(name).__version__)
        except ImportError:
            continue
    load = os.getloadavg()[0]
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
        "load_before": f"{load:.2f}",
        **versions,
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
