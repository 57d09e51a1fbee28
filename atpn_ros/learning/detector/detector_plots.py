# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plots recall by size of a face and by turn of the head."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.drawing.figures import write_plot
from atpn_ros.learning.detector import detection_counts
from atpn_ros.learning.detector.detection_counts import Rate
from atpn_ros.learning.detector.held_out_sets import Turned
from atpn_ros.learning.detector.pipeline_recall import Outcome


def plot_sizes(path: Path, outcomes: Sequence[Outcome]) -> Path:
    """Write recall by size, detected and tracked, with intervals of 95 %; returns the path.

    Raises:
        PlotsUnavailable: matplotlib is not installed.
    """
    series = {
        f"{outcome.name}, {kind}": [
            detection_counts.recall(counts, a, b) for a, b in pairwise(detection_counts.BINS)
        ]
        for outcome in outcomes
        for kind, counts in (("detected", outcome.alone), ("tracked", outcome.held))
        if counts is not None
    }

    def draw(axes: Any) -> None:
        _bars(axes, detection_counts.bin_names(), series)
        axes.set(xlabel="size of the labelled face", ylabel="recall, %")

    return write_plot(path, f"Recall in {len(outcomes[0].alone)} labelled images", draw)


def plot_turns(path: Path, turned: dict[str, list[Turned]]) -> Path:
    """Write recall by pan of Pointing'04's held-out people; returns the path.

    Heads tilted by more than 30 degrees up or down are a series of their own.

    Args:
        path: Of the PNG file.
        turned: By name of the detector.

    Raises:
        PlotsUnavailable: matplotlib is not installed.
    """
    pans = sorted({t.pan for rows in turned.values() for t in rows})
    series = {}
    for name, rows in turned.items():
        for steep, tilt in ((False, "up to"), (True, "over")):
            shares = {t.pan: t.held / t.heads for t in rows if t.steep is steep}
            series[f"{name}, tracked, tilt {tilt} 30 degrees"] = [
                Rate(shares.get(pan, math.nan), math.nan, math.nan, 0) for pan in pans
            ]

    def draw(axes: Any) -> None:
        _bars(axes, [str(pan) for pan in pans], series)
        axes.set(xlabel="pan of the head to either side, degrees", ylabel="recall, %")

    number = sum(t.heads for t in next(iter(turned.values())))
    return write_plot(path, f"Recall on {number} heads of held-out people", draw)


def _bars(axes: Any, groups: Sequence[str], series: dict[str, list[Rate]]) -> None:
    width = 0.8 / len(series)
    at = np.arange(len(groups))
    for i, (label, rates) in enumerate(series.items()):
        value = 100 * np.array([r.value for r in rates])
        low = value - 100 * np.array([r.low for r in rates])
        high = 100 * np.array([r.high for r in rates]) - value
        axes.bar(at + i * width, value, width, label=label, yerr=[low, high], ecolor="0.3",
                 capsize=2)  # fmt: skip
    axes.set_xticks(at + 0.4 - width / 2, groups)
    axes.set_ylim(0, 105)
