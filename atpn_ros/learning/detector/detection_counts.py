# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Matches detections to labelled faces: recall by size, false detections, confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from atpn_ros.types import Box, Floats

MATCH = 0.4
"""Intersection over union from which a box is a face's."""
BINS = (16.0, 24.0, 40.0, 80.0, np.inf)
"""Bounds of the size bins of recall, in pixels."""
_RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Count:
    """One picture.

    Attributes:
        sizes: (F,) of its counted faces: root of the box's area, pixels.
        found: (F,) bool.
        false_finds: Finds that are neither a counted nor an ignored face.
    """

    sizes: Floats
    found: Floats
    false_finds: tuple[Box, ...] = ()

    @property
    def false(self) -> int:
        """Number of false finds."""
        return len(self.false_finds)


def count(
    finds: Sequence[Box], faces: Sequence[Box], ignored: Sequence[Box], match: float = MATCH
) -> Count:
    """Assign each detection, by descending score, the free face that it overlaps most.

    A find that lies on no counted face is not false if it overlaps an ignored one, or lies for the
    greater part within it.
    """
    sizes = np.array([(f.width * f.height) ** 0.5 for f in faces])
    found = np.zeros(len(faces), bool)
    false = []
    for find in finds:
        overlaps = np.array([0.0 if found[i] else find.iou(f) for i, f in enumerate(faces)])
        best = int(np.argmax(overlaps)) if len(faces) else -1
        if best >= 0 and overlaps[best] >= match:
            found[best] = True
        elif not any(find.iou(f) >= match or _within(find, f) > 0.5 for f in ignored):
            false.append(find)
    return Count(sizes, found, tuple(false))


def _within(box: Box, other: Box) -> float:
    """Share of a box's area that lies in another one."""
    ax0, ay0, ax1, ay1 = box.xyxy
    bx0, by0, bx1, by1 = other.xyxy
    shared = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    return shared / max(box.width * box.height, 1e-9)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share or a mean, with its interval.

    Attributes:
        value: Of all pictures; NaN where there is nothing to count.
        low: 2.5 % of resampled sets of pictures lie below.
        high: 2.5 % lie above.
        number: Number of faces or images it was measured on.
    """

    value: float
    low: float
    high: float
    number: int


def bin_names() -> list[str]:
    """Titles of the size bins."""
    return [
        f"{a:.0f}-{b:.0f} px" if np.isfinite(b) else f"over {a:.0f} px" for a, b in pairwise(BINS)
    ]


def recall(counts: Sequence[Count], low: float = 0.0, high: float = np.inf) -> Rate:
    """Share of the faces of sizes from ``low`` to below ``high`` pixels that were found."""
    wanted = [(c.sizes >= low) & (c.sizes < high) for c in counts]
    found = np.array([(w & c.found).sum() for w, c in zip(wanted, counts, strict=True)], float)
    return _ratio(found, np.array([w.sum() for w in wanted], float))


def false_per_picture(counts: Sequence[Count]) -> Rate:
    """Mean number of false finds."""
    return _ratio(np.array([c.false for c in counts], float), np.ones(len(counts)))


def _ratio(part: Floats, whole: Floats) -> Rate:
    """Sum over sum; pictures are drawn again and again, since faces of one picture are alike."""
    total = float(whole.sum())
    if total == 0:
        return Rate(float("nan"), float("nan"), float("nan"), 0)
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(part), size=(_RESAMPLES, len(part)))
    sums = whole[drawn].sum(1)
    shares = part[drawn].sum(1)[sums > 0] / sums[sums > 0]
    low, high = np.percentile(shares, (2.5, 97.5))
    return Rate(float(part.sum()) / total, float(low), float(high), int(total))
