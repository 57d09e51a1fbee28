# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a study keeps of each finished run, and how runs of several seeds become one figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atpn_ros.files import atomic_replace
from atpn_ros.learning.data.datasets.record import DataError

NAME = "result.json"
"""Of the file in a finished run's folder."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the seeds of one row.

    Attributes:
        mean: Of the seeds.
        deviation: Sample standard deviation (N - 1); None of one seed.
        count: How many seeds.
    """

    mean: float
    deviation: float | None
    count: int

    def text(self, digits: int = 2) -> str:
        """For a table.

        >>> Spread(8.126, 0.048, 2).text(), Spread(8.126, None, 1).text()
        ('8.13 ± 0.05', '8.13')
        """
        mean = f"{self.mean:.{digits}f}"
        return mean if self.deviation is None else f"{mean} ± {self.deviation:.{digits}f}"


def spread(values: Sequence[float]) -> Spread:
    """Mean and spread of one figure's values, one per seed.

    >>> spread([8.0, 9.0, 10.0])
    Spread(mean=9.0, deviation=1.0, count=3)
    """
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), deviation, len(values))


def need_different(**lists: Sequence[Any]) -> None:
    """Refuse a plan's list that is empty or names something twice.

    Raises:
        ValueError: Names the list.
    """
    for name, values in lists.items():
        if not values or len(set(values)) < len(values):
            raise ValueError(f"{name}: must be one or more different ones, is {list(values)}")


def finished(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The figures of a run that is done, or None.

    Args:
        folder: Of the run.
        settings: All that its figures depend on.

    Raises:
        DataError: The folder's figures are of other settings, or cannot be read.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        state = json.loads(path.read_text())
        had, figures = state["settings"], state["figures"]
        differs = sorted(k for k, v in _plain(settings).items() if had.get(k) != v)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: not the figures of a run: {error!r}") from error
    if differs:
        raise DataError(f"{path}: belongs to a plan with other settings: {', '.join(differs)}")
    return dict(figures)


def keep(folder: Path, settings: Mapping[str, Any], figures: Mapping[str, Any]) -> dict[str, Any]:
    """Write the figures of a finished run, whole or not at all; returns them as read back."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {"settings": _plain(settings), "figures": _plain(figures)}
    with atomic_replace(folder / NAME) as part:
        part.write_text(json.dumps(state, indent=1) + "\n")
    return dict(state["figures"])


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back: tuples are lists there."""
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain
