# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stores the result of each run of a study, and computes mean and deviation over seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.checks import DataError

NAME = "result.json"
"""Name of the result file in a finished run's folder."""


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """Mean and standard deviation of a metric over the seeds of one row.

    Attributes:
        mean: Mean over the seeds.
        deviation: Sample standard deviation (N - 1); None for one seed.
        count: Number of seeds.
    """

    mean: float
    deviation: float | None
    count: int

    def text(self, digits: int = 2) -> str:
        """Format it for a table.

        >>> SeedSpread(8.126, 0.048, 2).text(), SeedSpread(8.126, None, 1).text()
        ('8.13 ± 0.05', '8.13')
        """
        mean = f"{self.mean:.{digits}f}"
        return mean if self.deviation is None else f"{mean} ± {self.deviation:.{digits}f}"


def seed_spread(values: Sequence[float]) -> SeedSpread:
    """Compute mean and deviation of a metric's values, one for each seed.

    >>> seed_spread([8.0, 9.0, 10.0])
    SeedSpread(mean=9.0, deviation=1.0, count=3)
    """
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return SeedSpread(float(np.mean(values)), deviation, len(values))


def require_distinct(**lists: Sequence[Any]) -> None:
    """Check that the lists of a plan are not empty and have no duplicates.

    Raises:
        ValueError: A list is empty or has duplicates; the message names it.
    """
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name}: must be one or more different entries, is {list(values)}")


def load_result(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Load the result of a run; None if the run is not finished.

    Args:
        folder: Folder of the run.
        settings: All settings that the result depends on.

    Raises:
        DataError: The result belongs to other settings, or cannot be read.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state = json.loads(path.read_text())
        had, figures = state["settings"], state["figures"]
        differs = sorted(k for k, v in _plain(settings).items() if had.get(k) != v)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not the result of a run: {error!r}") from error
    if differs:
        raise DataError(f"{path}: belongs to a plan with other settings: {', '.join(differs)}")
    return dict(figures)


def save_result(
    folder: Path, settings: Mapping[str, Any], figures: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the result of a finished run atomically; returns it as JSON gives it back."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {"settings": _plain(settings), "figures": _plain(figures)}
    with atomic_replace(folder / NAME) as part:
        part.write_text(json.dumps(state, indent=1) + "\n")
    return dict(state["figures"])


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as JSON gives them back: with lists in place of tuples."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain
