#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures every backend that this machine supports and writes a dated report.

``python tools/gpu_report.py --out docs``: for each backend, without fallback: whether it loads,
how long that took (with an empty cache, then from the cache), latencies by batch, and differences
to the CPU. Needs no ROS. Not tried on a GPU yet.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from atpn_ros import __version__
from atpn_ros.bench.machine import machine
from atpn_ros.bench.network import BATCHES, NetworkTiming, measure
from atpn_ros.engines import FALLBACK_CHAIN, BackendError, ModelError, load_engine
from atpn_ros.engines.cache import EngineCache
from atpn_ros.engines.compare import Difference, compare, sample_crops
from atpn_ros.settings import SHIPPED_MODEL


@dataclass
class Finding:
    """Result of one backend in one precision."""

    backend: str
    precision: str
    refused: str = ""
    report: str = ""
    first_s: float = 0.0
    again_s: float = 0.0
    figures: list[NetworkTiming] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def examine(model: Path, backend: str, precision: str, seconds: float, cache: Path) -> Finding:
    """Load a backend twice, measure it and compare it with the CPU."""
    found = Finding(backend, precision)
    store = EngineCache(cache)

    def load():
        return load_engine(
            model, backend, strict=True, max_faces=max(BATCHES), precision=precision, cache=store
        )

    try:
        began = time.monotonic()
        load().close()
        found.first_s = time.monotonic() - began
        began = time.monotonic()
        engine = load()
        found.again_s = time.monotonic() - began
        found.figures = measure(engine, 1, BATCHES, seconds)
        reference = load_engine(model, "onnx-cpu", strict=True)
        found.differences = compare(engine, reference, sample_crops())
        found.report = engine.report  # it lists the CUDA graphs only after running
        engine.close()
    except (BackendError, ModelError) as error:
        found.refused = str(error)
    return found


def gpus() -> list[str]:
    """What nvidia-smi says; a line of why not where there is none."""
    query = "--query-gpu=name,driver_version,memory.total,clocks.max.sm"
    try:
        result = subprocess.run(  # noqa: S603 no input of anybody's
            ["nvidia-smi", query, "--format=csv,noheader"],  # noqa: S607 where drivers put it
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return [f"nvidia-smi: {error}"]
    return result.stdout.strip().splitlines()


def versions() -> dict[str, str]:
    """Of what matters to a GPU."""
    found = {}
    for name in ("tensorrt", "onnxruntime", "cuda.bindings", "cuda"):
        try:
            found[name] = str(getattr(importlib.import_module(name), "__version__", "installed"))
        except ImportError:
            found[name] = "not installed"
    return found


def written(findings: list[Finding], day: str) -> str:
    """The report as Markdown."""
    where = machine() | {"gpu": "; ".join(gpus())} | versions()
    lines = [f"# GPU report of {day}", "", f"atpn_ros {__version__}; by `tools/gpu_report.py`.", ""]
    lines += ["| machine | |", "|---|---|"] + [f"| {k} | {v} |" for k, v in where.items()]
    for f in findings:
        lines += ["", f"## {f.backend}, {f.precision}", ""]
        if f.refused:
            lines.append(f"Not available: {f.refused}")
            continue
        lines += [f"{f.report}", "", f"First load (with building, where the backend builds)"
                  f" {f.first_s:.1f} s, second load {f.again_s:.1f} s.", ""]  # fmt: skip
        lines += ["| batch | p50 ms | p99 ms | best ms | best per face ms | calls |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [
            f"| {g.batch} | {g.call_p50:.3f} | {g.call_p99:.3f} | {g.call_best:.3f} "
            f"| {g.face:.3f} | {g.calls} |"
            for g in f.figures
        ]
        lines += ["", "| output | greatest difference to the CPU | mean | limit | |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| {d.output} | {d.greatest:.3g} | {d.mean:.3g} | {d.limit:g} "
            f"| {'ok' if d.passes else '**too far**'} |"
            for d in f.differences
        ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the report; 1 if an output differs too much from the CPU's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--seconds", type=float, default=20.0, help="of measuring, per backend")
    args = parser.parse_args(arguments)
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        for backend in FALLBACK_CHAIN:
            both = ("fp32", "fp16") if backend.endswith("tensorrt") else ("fp32",)
            for precision in both:
                # A folder for each, so that each first load builds.
                cache = Path(folder) / f"{backend}-{precision}" / "engines"
                finding = examine(args.model, backend, precision, args.seconds, cache)
                print(f"{backend}, {precision}: {finding.refused or finding.report}", flush=True)
                findings.append(finding)
    day = datetime.now(timezone.utc).date().isoformat()
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"gpu-report-{day}.md"
    path.write_text(written(findings, day))
    print(f"written: {path}")
    return int(any(not d.passes for f in findings for d in f.differences))


if __name__ == "__main__":
    os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")
    sys.exit(main())
