# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes plots as PNG files (needs matplotlib)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from atpn_ros.types import AtpnError


class PlotsUnavailable(AtpnError):
    """matplotlib is not installed."""


def need_matplotlib() -> None:
    """Check that matplotlib is installed, before anything is measured.

    Raises:
        PlotsUnavailable: It is not.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise PlotsUnavailable("--plots needs matplotlib: pip install 'atpn_ros[plots]'")


def write_plot(path: Path, title: str, draw: Callable[[Any], None]) -> Path:
    """Write one plot; returns its path.

    Args:
        path: A PNG file; its folder is made.
        title: Text above the plot.
        draw: Draws on matplotlib's ``Axes``; series with a label get a legend.

    Raises:
        PlotsUnavailable: matplotlib is not installed.
    """
    need_matplotlib()
    # pyplot would keep global state in the process.
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    draw(axes)
    axes.set_title(title, fontsize=9)
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[1]:
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    return path
