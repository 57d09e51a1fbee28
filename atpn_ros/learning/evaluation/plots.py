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
    """Write cumulative errors, parts of the face, presence, and errors by turn as PNG files."""
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
    return out


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
