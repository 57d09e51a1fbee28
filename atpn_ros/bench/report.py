# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Formats benchmark results as text tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atpn_ros.bench import network, node, pipeline
from atpn_ros.bench.memory import Memory
from atpn_ros.bench.peers import Comparison
from atpn_ros.bench.targets import TargetResult


def columns(rows: Sequence[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of aligned columns: the first ``left`` ones left-aligned, the others right-aligned.

    >>> columns([("a", "b"), ("ccc", "10")])
    ['a     b', 'ccc  10']
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def head(where: Mapping[str, str | int]) -> str:
    """One line about the machine that was measured."""
    return (
        f"{where['cpu']}, {where['cores']} cores, load {where['load_before']} before;"
        f" Python {where['python']}, onnxruntime {where.get('onnxruntime', 'not there')}"
    )


def network_table(figures: list[network.NetworkTiming], reports: Sequence[str]) -> list[str]:
    """Table of network times."""
    rows = [("threads", "batch", "best call", "p50", "p99", "CPU", "best per face")]
    rows += [
        (str(f.threads), str(f.batch), f"{f.call_best:.2f}", f"{f.call_p50:.2f}",
         f"{f.call_p99:.2f}", f"{f.call_cpu:.2f}", f"{f.face:.2f}")
        for f in figures
    ]  # fmt: skip
    out = ["the network alone, ms", *reports, *columns(rows)]
    for threads in dict.fromkeys(f.threads for f in figures):
        ratio = network.batch_gain(figures, threads)
        if ratio is not None:
            out.append(f"{threads} thread(s): a batch of four takes {ratio:.2f} of four calls")
    return out


def pipeline_table(figures: Sequence[pipeline.PipelineTiming]) -> list[str]:
    """Table of pipeline times by stage."""
    names = "mode faces held wall CPU detect crop network track Python"
    rows: list[Sequence[str]] = [names.split()]
    rows += [
        (f.mode, str(f.faces), f"{f.held:.2f}",
         *(f"{v:.2f}" for v in (f.wall_ms, f.cpu_ms, f.detect_ms, f.crop_ms, f.network_ms,
                                f.track_ms)),
         f"{f.python_share:.0%}")
        for f in figures
    ]  # fmt: skip
    return [
        "a 640x480 frame through the pipeline, ms (medians; all but wall are CPU time)",
        *columns(rows),
    ]


def memory_table(figures: Mapping[str, Memory]) -> list[str]:
    """Table of memory use by process."""
    rows = [("process", "resident", "peak", "threads")]
    rows += [
        (what, f"{m.resident:.0f}", f"{m.peak:.0f}", str(m.threads)) for what, m in figures.items()
    ]
    return ["memory of a process, MiB", *columns(rows)]


def peers_table(rows: Sequence[Comparison], results: Sequence[TargetResult]) -> list[str]:
    """Table of comparisons with other software, and of the speed targets."""
    table = [("first / second", "faces held", "CPU ms", "wall ms", "CPU ratio", "wall ratio")]
    for row in rows:
        if row.error or row.cpu_ratio is None or row.wall_ratio is None:
            table.append((f"{row.what}: {row.error}", "", "", "", "", ""))
            continue
        table.append(
            (
                row.what,
                " / ".join(f"{h:g}" for h in row.held),
                " / ".join(f"{v:.2f}" for v in row.cpu_ms),
                " / ".join(f"{v:.2f}" for v in row.wall_ms),
                row.cpu_ratio.text(),
                row.wall_ratio.text(),
            )
        )
        table.append((f"    {row.first} / {row.second}", "", "", "", "", ""))
    out = ["comparison on the same frames, in alternating blocks (ratios: median and quartiles)"]
    out += columns(table)
    out += [""]
    out += columns(
        [("target (CPU time)", "at most", "measured", "")]
        + [
            (v.target, f"{v.limit:g}", "-" if v.measured is None else f"{v.measured:.2f}", v.status)
            for v in results
        ]
    )
    return out


def node_table(figure: node.NodeTiming) -> list[str]:
    """Table of node latencies by image rate."""
    rows = [("images at", "p50", "p95", "p99", "dropped", "runs")]
    rows += [
        (f"{r.rate_hz:g} Hz", f"{r.p50_ms:.1f}", f"{r.p95_ms:.1f}", f"{r.p99_ms:.1f}",
         f"{r.dropped:.1%}", str(r.runs))
        for r in figure.rates
    ]  # fmt: skip
    out = ["the node, from image stamp to landmarks received, ms (best and worst run left out)"]
    out += columns(rows)
    out += [f"highest rate with less than {figure.allowed:.0%} dropped: {figure.highest_hz:g} Hz"]
    out += [f"the node's process: {figure.memory.resident:.0f} MiB resident"]
    return out
