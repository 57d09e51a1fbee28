# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plots evaluation results as PNG files (needs matplotlib)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.drawing.figures import write_plot
from atpn_ros.learning.evaluation.dataset_metrics import CropMetrics, SetMetrics
from atpn_ros.learning.evaluation.report import Report

_SETS = ("photographs", "renders")


def write_plots(reports: Sequence[Report], folder: Path) -> list[Path]:
    """Write cumulative errors, parts of the face, presence, errors by turn and by size as PNGs."""
    out = []
    for name in _SETS:
        sets = [(r.model, s) for r in reports if (s := getattr(r, name)) is not None]
        if not sets:
            continue
        kind = next(iter(sets[0][1].boxes))
        boxes = [(model, s.boxes[kind]) for model, s in sets]
        drawn: list[tuple[str, Callable[[Any], None]]] = [
            ("cumulative", lambda axes, b=boxes: _cumulative(axes, b)),
            ("groups", lambda axes, b=boxes: _groups(axes, b)),
        ]
        if any(s.presence is not None for _, s in sets):
            drawn.append(("presence", lambda axes, s=sets: _presence(axes, s)))
        if any(b.nme_by_yaw for _, b in boxes):
            drawn.append(("turn", lambda axes, b=boxes: _turn(axes, b)))
        for title, draw in drawn:
            path = folder / f"{name}_{title}.png"
            out.append(write_plot(path, f"{name}, {kind} boxes", draw))
    if any(r.smaller for r in reports):
        path = folder / "renders_size.png"
        out.append(write_plot(path, "renders, reduced", lambda axes: _size(axes, reports)))
    return out


def _size(axes: Any, reports: Sequence[Report]) -> None:
    for report in reports:
        boxes = {side: next(iter(s.boxes.values())) for side, s in sorted(report.smaller.items())}
        turned = {side: b.pose.by_yaw["0-60"] for side, b in boxes.items() if b.pose is not None}
        series = {
            "rotation to 60 degrees of turn": turned,
            "gaze": {side: b.gaze.get("eyes") for side, b in boxes.items()},
        }
        for label, values in series.items():
            known = [(side, e) for side, e in values.items() if e is not None]
            if known:
                middle = np.array([e.value for _, e in known])
                low, high = (np.array([getattr(e, n) for _, e in known]) for n in ("low", "high"))
                axes.errorbar([side for side, _ in known], middle, [middle - low, high - middle],
                              marker="o", capsize=2, label=f"{report.model}, {label}")  # fmt: skip
    axes.set(xlabel="longer side of the landmarks' box, pixels", ylabel="error, degrees",
             ylim=(0, None), xscale="log")  # fmt: skip
    sides = sorted({side for report in reports for side in report.smaller})
    axes.set_xticks(sides, [f"{side:g}" for side in sides], minor=False)
    axes.set_xticks([], minor=True)


def _cumulative(axes: Any, boxes: Sequence[tuple[str, CropMetrics]]) -> None:
    for model, box in boxes:
        for reading, f in box.landmarks.items():
            errors = np.sort(f.errors)
            share = np.arange(1, len(errors) + 1) / len(errors) * 100
            axes.step(errors, share, where="post", label=f"{model}, {reading}")
    axes.set(xlim=(0, 12), ylim=(0, 100), xlabel="NME %", ylabel="% of faces below")


def _groups(axes: Any, boxes: Sequence[tuple[str, CropMetrics]]) -> None:
    series = [
        (f"{model}, {reading}", f.groups)
        for model, box in boxes
        for reading, f in box.landmarks.items()
    ]
    names = list(dict.fromkeys(g for _, groups in series for g in groups))
    width = 0.8 / len(series)
    for i, (label, groups) in enumerate(series):
        heights = [e.value if (e := groups.get(g)) is not None else 0.0 for g in names]
        axes.bar(np.arange(len(names)) + i * width, heights, width, label=label)
    axes.set_xticks(np.arange(len(names)) + 0.4 - width / 2, names)
    axes.set_ylabel("NME %")


def _presence(axes: Any, sets: Sequence[tuple[str, SetMetrics]]) -> None:
    for model, s in sets:
        if s.presence is not None:
            axes.plot(s.presence.false_alarms, s.presence.hits,
                      label=f"{model}, AUC {s.presence.auc:.4f}")  # fmt: skip
    axes.set(xlabel="false alarms", ylabel="found", xlim=(0, 0.2), ylim=(0.8, 1.005))


def _turn(axes: Any, boxes: Sequence[tuple[str, CropMetrics]]) -> None:
    for model, box in boxes:
        for label, bins in (
            ("NME %", box.nme_by_yaw),
            ("rotation, degrees", {} if box.pose is None else box.pose.by_yaw),
        ):
            known = [
                (name, e.value) for name, e in bins.items() if e is not None and name != "0-60"
            ]
            if known:
                axes.plot(*zip(*known, strict=True), marker="o", label=f"{model}, {label}")
    axes.set(xlabel="turn of the head, degrees", ylim=(0, None))
