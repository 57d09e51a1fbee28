# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Draws the results of ``atpn bench`` as PNG plots with matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from atpn_ros.drawing.figures import write_plot

_STAGES = ("detect", "crop", "network", "track")


def draw(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write one plot per measurement; returns their paths.

    Raises:
        PlotsUnavailable: matplotlib is not installed.
    """
    makers: dict[str, Callable[..., None]] = {
        "pipeline": _pipeline,
        "network": _network,
        "node": _node,
        "peers": _peers,
    }
    cpu = str(result["machine"]["cpu"])
    return [
        write_plot(folder / f"bench-{name}.png", cpu, partial(make, content=result[name]))
        for name, make in makers.items()
        if result.get(name)
    ]


def _pipeline(axes: Any, content: list[Mapping[str, Any]]) -> None:
    names = [f"{f['mode']}, {f['faces']}" for f in content]
    left = [0.0] * len(content)
    for stage in _STAGES:
        values = [f[f"{stage}_ms"] for f in content]
        axes.barh(names, values, left=left, label=stage)
        left = [a + b for a, b in zip(left, values, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("CPU ms per 640x480 frame, by mode and faces")


def _network(axes: Any, content: Mapping[str, Any]) -> None:
    threads = dict.fromkeys(f["threads"] for f in content["figures"])
    for t in threads:
        points = [(f["batch"], f["face"]) for f in content["figures"] if f["threads"] == t]
        axes.plot(*zip(*points, strict=True), "o-", label=f"{t} thread(s)")
    axes.set(xlabel="faces in one call", ylabel="best ms per face", ylim=(0, None))


def _node(axes: Any, content: Mapping[str, Any]) -> None:
    for share in ("p50", "p95", "p99"):
        points = [(r["rate_hz"], r[f"{share}_ms"]) for r in content["rates"]]
        axes.plot(*zip(*points, strict=True), "o-", label=share)
    axes.set(xlabel="images per second", ylabel="ms, stamp to landmarks", ylim=(0, None))


def _peers(axes: Any, content: Mapping[str, Any]) -> None:
    rows = [r for r in content["rows"] if r["cpu_ratio"]]
    middles = [r["cpu_ratio"]["median"] for r in rows]
    reach = [
        [m - r["cpu_ratio"]["low"] for m, r in zip(middles, rows, strict=True)],
        [r["cpu_ratio"]["high"] - m for m, r in zip(middles, rows, strict=True)],
    ]
    axes.errorbar(middles, [r["what"] for r in rows], xerr=reach, fmt="o", capsize=3)
    axes.axvline(1.0, color="grey", linewidth=1)
    axes.invert_yaxis()
    axes.set(xlabel="CPU time, first over second", xlim=(0, None))
