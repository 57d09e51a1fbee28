# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How fast this package means to be, and whether it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atpn_ros.bench import pipeline
from atpn_ros.bench.peers import Row

ONE_FACE = 1.2
"""A tracked frame with one face takes at most so many times MediaPipe Face Mesh's time."""

FIVE_OVER_ONE = 2.5
"""A tracked frame with five faces takes at most so many times one with one face."""

PYTHON_SHARE = 0.25
"""Of a tracked frame with one face, at most this is spent outside OpenCV and the engine."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One mark: what was measured, and what was meant. ``measured`` is None if it was not."""

    mark: str
    meant: float
    measured: float | None

    @property
    def word(self) -> str:
        """For people."""
        if self.measured is None:
            return "not measured"
        return "met" if self.measured <= self.meant else "MISSED"


def verdicts(rows: Sequence[Row], figures: Sequence[pipeline.Figure]) -> list[Verdict]:
    """What rows of peers and figures of the pipeline say; all in CPU time.

    A row in which a contender held fewer faces than were in view says nothing.
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
        Verdict("one face, over MediaPipe", ONE_FACE, ratio("atpn_ros", "MediaPipe", (1, 1))),
        Verdict("five faces over one", FIVE_OVER_ONE, ratio("atpn_ros", "atpn_ros", (5, 1))),
        Verdict("share of Python, one face", PYTHON_SHARE, share),
    ]
