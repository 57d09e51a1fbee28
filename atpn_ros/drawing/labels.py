# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Places the captions of faces so that they neither overlap nor leave the picture.

A caption that does not fit anywhere is split into two lines, then shortened to the id, and omitted
where not even that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from atpn_ros.drawing.overlay import caption_parts, size_of
from atpn_ros.types import Box, Face, FaceState

_GAP = 0.1
"""Distance between a caption and its face, over the face's size."""

_STEPS = 6
"""Largest additional distance from the face, in heights of the caption, where it does not fit."""

Measure = Callable[[Sequence[str], Face], tuple[float, float]]
"""Width and height in pixels of lines of text, as they are written for a face."""


@dataclass(frozen=True, slots=True)
class Label:
    """The lines of a caption and the rectangle in which they are written."""

    face: Face
    lines: tuple[str, ...]
    box: Box


def place_labels(
    faces: Sequence[Face],
    width: int,
    height: int,
    measure: Measure,
    reserved: Sequence[Box] = (),
    two_lines: bool = True,
) -> list[Label]:
    """Place the captions of faces, those of large faces first.

    Args:
        faces: Of one picture.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
        measure: The size of lines of text.
        reserved: Rectangles without captions.
        two_lines: Whether captions may have two lines.

    Returns:
        Labels whose rectangles lie in the picture and overlap neither each other nor ``reserved``.
        They overlap faces only where there is no other place.
    """
    # A face that is tracked is more important than one that was lost.
    order = sorted(faces, key=lambda f: (f.state is FaceState.LOST, -size_of(f), f.id))
    boxes = [face.box for face in faces]
    placed: dict[int, Label] = {}
    # First every face gets its id, then those that have the space a longer caption.
    # With several faces, captions have two lines: one long line would be closer to other faces.
    long = _one_line if not two_lines else _two_lines_first if len(faces) > 1 else _one_line_first
    for versions in (_short, long):
        for n, face in enumerate(order):
            taken = [*reserved, *(label.box for m, label in placed.items() if m != n)]
            label = _fit(face, versions(face), (width, height), measure, taken, boxes)
            if label is not None:
                placed[n] = label
    return [placed[n] for n in sorted(placed)]


def _fit(
    face: Face,
    versions: Sequence[tuple[str, ...]],
    picture: tuple[int, int],
    measure: Measure,
    taken: Sequence[Box],
    faces: Sequence[Box],
) -> Label | None:
    """The first version at the first place that fits, if possible without covering a face."""
    sizes = [(lines, measure(lines, face)) for lines in versions]
    for avoided in ([*taken, *faces], taken):
        for lines, (w, h) in sizes:
            for x, y in _centres(face, w, h, picture):
                box = Box(x, y, w, h)
                if _inside(box, picture) and not any(_overlap(box, other) for other in avoided):
                    return Label(face, lines, box)
    return None


def _short(face: Face) -> list[tuple[str, ...]]:
    return [(caption_parts(face)[0],)]


def _one_line(face: Face) -> list[tuple[str, ...]]:
    return [("  ".join(caption_parts(face)),)]


def _two_lines_first(face: Face) -> list[tuple[str, ...]]:
    parts = caption_parts(face)
    half = (len(parts) + 1) // 2
    return [("  ".join(parts[:half]), "  ".join(parts[half:])), *_one_line(face)]


def _one_line_first(face: Face) -> list[tuple[str, ...]]:
    return _two_lines_first(face)[::-1]


def _centres(
    face: Face, w: float, h: float, picture: tuple[int, int]
) -> Iterator[tuple[float, float]]:
    """Centres of a label above, below and beside a face, pushed into the picture."""
    box, gap = face.box, _GAP * size_of(face)
    dx, dy = (box.width + w) / 2 + gap, (box.height + h) / 2 + gap
    aside = max(0.0, (box.width - w) / 2)
    rows = [(0.0, -dy), (0.0, dy), (dx, 0.0), (-dx, 0.0)]
    rows += [(sx * (aside + w / 2), sy * dy) for sy in (-1, 1) for sx in (-1, 1)]
    rows += [(sx * dx, sy * box.height / 2) for sx in (1, -1) for sy in (-1, 1)]
    rows += [(0.0, sy * (dy + step * h)) for step in range(1, _STEPS) for sy in (-1, 1)]
    rows.append((0.0, 0.0))
    right, bottom = picture[0] - 1, picture[1] - 1  # as pixels count from the first one's centre
    for x, y in rows:
        yield (
            min(max(box.cx + x, w / 2), max(right - w / 2, w / 2)),
            min(max(box.cy + y, h / 2), max(bottom - h / 2, h / 2)),
        )


def _inside(box: Box, picture: tuple[int, int]) -> bool:
    x0, y0, x1, y1 = box.xyxy
    return x0 >= 0 and y0 >= 0 and x1 <= picture[0] - 1 and y1 <= picture[1] - 1


def _overlap(a: Box, b: Box) -> bool:
    # False where a number is not finite.
    return (
        abs(a.cx - b.cx) < (a.width + b.width) / 2 and abs(a.cy - b.cy) < (a.height + b.height) / 2
    )
