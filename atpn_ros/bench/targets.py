# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Speed targets of this package, and whether a benchmark run meets them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atpn_ros.bench import pipeline
from atpn_ros.bench.peers import Comparison

ONE_FACE = 1.2
"""Largest CPU time of a tracked frame with one face, relative to MediaPipe Face Mesh."""

FIVE_OVER_ONE = 2.5
"""Largest CPU time of a tracked frame with five faces, relative to one with one face."""

PYTHON_SHARE = 0.25
"""Largest share of a tracked frame with one face spent outside OpenCV and the engine."""


@dataclass(frozen=True, slots=True)
class TargetResult:
    """One speed target, its upper limit and the measured value (None if not measured)."""

    target: str
    limit: float
    measured: float | None

    @property
    def status(self) -> str:
        """``met``, ``MISSED`` or ``not measured``."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.limit else "MISSED"


def check_targets(
    rows: Sequence[Comparison], figures: Sequence[pipeline.PipelineTiming]
) -> list[TargetResult]:
    """Check all targets, in CPU time.

    Comparisons in which a candidate tracked fewer faces than were in view do not count.
    """

    def ratio(first: str, second: str, faces: tuple[int, int]) -> float | None:
        return next(
            (
                row.cpu_ratio.median
                for row in rows
                if row.cpu_ratio is not None and row.faces == faces and row.held == faces
                and row.first.startswith(first) and row.second.startswith(second)
                and "iris" not in row.second
            ),
            None,
        )  # fmt: skip

    share = next(
        (f.python_share for f in figures if f.faces == 1 and f.mode == "tracked" and f.held == 1),
        None,
    )
    return [
        TargetResult("one face, over MediaPipe", ONE_FACE, ratio("atpn_ros", "MediaPipe", (1, 1))),
        TargetResult("five faces over one", FIVE_OVER_ONE, ratio("atpn_ros", "atpn_ros", (5, 1))),
        TargetResult("share of Python, one face", PYTHON_SHARE, share),
    ]
