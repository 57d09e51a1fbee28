#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Measures every backend that this machine supports and writes a dated report.

``python tools/gpu_report.py --out docs`` loads each backend without fallback and reports the load
times (with an empty cache, then from the cache), the latencies by batch size, and the differences
from the CPU. Needs no ROS. Not run on a GPU yet.
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
class BackendResult:
    """Result of one backend in one precision."""

    backend: str
    precision: str
    error: str = ""
    report: str = ""
    first_s: float = 0.0
    again_s: float = 0.0
    figures: list[NetworkTiming] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)


def measure_backend(
    model: Path, backend: str, precision: str, seconds: float, cache: Path
) -> BackendResult:
    """Load a backend twice, measure it and compare it with the CPU."""
    found = BackendResult(backend, precision)
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
        found.report = engine.report  # lists the CUDA graphs only after running
        engine.close()
    except (BackendError, ModelError) as error:
        found.error = str(error)
    return found


def gpus() -> list[str]:
    """One line per GPU from nvidia-smi, or the reason why it cannot be run."""
    query = "--query-gpu=name,driver_version,memory.total,clocks.max.sm"
    try:
        result = subprocess.run(  # noqa: S603 constant arguments
            ["nvidia-smi", query, "--format=csv,noheader"],  # noqa: S607 in PATH
            capture_output=True, text=True, check=True, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return [f"nvidia-smi: {error}"]
    return result.stdout.strip().splitlines()


def versions() -> dict[str, str]:
    """Versions of the modules that the GPU backends use."""
    found = {}
    for name in ("tensorrt", "onnxruntime", "cuda.bindings", "cuda"):
        try:
            found[name] = str(getattr(importlib.import_module(name), "__version__", "installed"))
        except ImportError:
            found[name] = "not installed"
    return found


def report_page(results: list[BackendResult], day: str) -> str:
    """The report in Markdown."""
    where = machine() | {"gpu": "; ".join(gpus())} | versions()
    lines = [
        f"# GPU report of {day}",
        "",
        f"atpn_ros {__version__}, measured by `tools/gpu_report.py`.",
        "",
    ]
    lines += ["| machine | |", "|---|---|"] + [f"| {k} | {v} |" for k, v in where.items()]
    for f in results:
        lines += ["", f"## {f.backend}, {f.precision}", ""]
        if f.error:
            lines.append(f"Not available: {f.error}")
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
        lines += ["", "| output | greatest difference from the CPU | mean | limit | |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| {d.output} | {d.greatest:.3g} | {d.mean:.3g} | {d.limit:g} "
            f"| {'ok' if d.passes else '**too far**'} |"
            for d in f.differences
        ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the report. Returns 1 if an output differs too much from the CPU's, else 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="duration of the measurement per backend"
    )
    args = parser.parse_args(arguments)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for backend in FALLBACK_CHAIN:
            both = ("fp32", "fp16") if backend.endswith("tensorrt") else ("fp32",)
            for precision in both:
                # Separate folders, so that each first load builds the engine.
                cache = Path(folder) / f"{backend}-{precision}" / "engines"
                result = measure_backend(args.model, backend, precision, args.seconds, cache)
                print(f"{backend}, {precision}: {result.error or result.report}", flush=True)
                results.append(result)
    day = datetime.now(timezone.utc).date().isoformat()
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"gpu-report-{day}.md"
    path.write_text(report_page(results, day))
    print(f"report written to {path}")
    return int(any(not d.passes for f in results for d in f.differences))


if __name__ == "__main__":
    os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")
    sys.exit(main())
