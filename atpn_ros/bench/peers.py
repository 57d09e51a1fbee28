# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""This package beside others: the same frames, the same core, turn by turn, as ratios."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atpn_ros.bench.candidate import Candidate
from atpn_ros.bench.frames import frames
from atpn_ros.bench.timing import Spread, ratios
from atpn_ros.types import AtpnError, Image

LOOP = 60
BLOCK = 20
"""Frames in a row of one contender, before the other's turn."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who is to be timed, on frames with so many faces.

    ``kind`` and ``more`` are those of :class:`Candidate`.
    """

    python: Path
    kind: str
    faces: int
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One pair of contenders, measured in this run.

    Attributes:
        what: The question.
        first, second: Who they are.
        faces: In view, of each.
        held: Faces that each held in a frame, in the mean.
        wall_ms: Median of a frame, of each.
        cpu_ms: The same in CPU time.
        wall_ratio: First over second, pair by pair.
        cpu_ratio: The same in CPU time, which other processes do not lengthen.
        error: Why there is no figure; empty if there is.
    """

    what: str
    first: str = ""
    second: str = ""
    faces: tuple[int, int] = (0, 0)
    held: tuple[float, float] = (0.0, 0.0)
    wall_ms: tuple[float, float] = (0.0, 0.0)
    cpu_ms: tuple[float, float] = (0.0, 0.0)
    wall_ratio: Spread | None = None
    cpu_ratio: Spread | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure.

    Attributes:
        core: The only one that all contenders may use.
        pairs: Pairs of blocks.
        block: Frames of a block.
    """

    core: int | None
    pairs: int = 20
    block: int = BLOCK


def duel(what: str, first: Entry, second: Entry, files: Callable[[int], Path], plan: Plan) -> Row:
    """Let two take turns, and compare each pair of blocks; trouble becomes the row's error."""
    try:
        with ExitStack() as stack:
            pair = [
                stack.enter_context(
                    Candidate(e.python, e.kind, files(e.faces), e.faces, plan.core, *e.more)
                )
                for e in (first, second)
            ]
            return _row(what, (first, second), pair, plan)
    except AtpnError as error:
        return Row(what, error=str(error))


def _row(what: str, entries: tuple[Entry, Entry], pair: Sequence[Candidate], plan: Plan) -> Row:
    wall: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    held: tuple[list[int], list[int]] = ([], [])
    for n in range(plan.pairs):
        # Who goes first changes, so that neither always comes after the other.
        for i in (0, 1) if n % 2 == 0 else (1, 0):
            block = pair[i].block(n * plan.block, plan.block)
            wall[i].append(statistics.median(block.wall_ms))
            cpu[i].append(statistics.median(block.cpu_ms))
            held[i].extend(block.faces)

    def each(values: tuple[Sequence[float], Sequence[float]]) -> tuple[float, float]:
        a, b = (round(float(np.median(v)), 3) for v in values)
        return a, b

    return Row(
        what,
        pair[0].name,
        pair[1].name,
        (entries[0].faces, entries[1].faces),
        (round(float(np.mean(held[0])), 2), round(float(np.mean(held[1])), 2)),
        each(wall),
        each(cpu),
        ratios(*wall),
        ratios(*cpu),
    )


@contextmanager
def frame_files(make: Callable[[int, int], Image] = frames) -> Iterator[Callable[[int], Path]]:
    """Files of frames by number of faces, made when they are asked for; gone at the end."""
    with tempfile.TemporaryDirectory(prefix="atpn-bench-") as folder:

        def file(faces: int) -> Path:
            path = Path(folder, f"{faces}.npy")
            if not path.is_file():
                np.save(path, make(faces, LOOP))
            return path

        yield file


def whole_frames(python: Path, faces: Sequence[int]) -> list[tuple[str, Entry, Entry]]:
    """What is asked of MediaPipe's Face Mesh: whole tracked frames, and how both grow."""
    here = Path(sys.executable)
    asked = [
        (f"a tracked frame, {n} face{'s' if n > 1 else ''}",
         Entry(here, "ours", n), Entry(python, "mediapipe", n))
        for n in faces
    ]  # fmt: skip
    asked += [
        ("the same, with its iris stage, 1 face",
         Entry(here, "ours", 1), Entry(python, "mediapipe", 1, ("iris",))),
        growth(),
        ("five faces over one, theirs",
         Entry(python, "mediapipe", 5), Entry(python, "mediapipe", 1)),
    ]  # fmt: skip
    return asked


def growth() -> tuple[str, Entry, Entry]:
    """What is asked of this package alone: what more faces cost."""
    here = Path(sys.executable)
    return "five faces over one, ours", Entry(here, "ours", 5), Entry(here, "ours", 1)


def crops(model: Path, layout: str) -> tuple[str, Entry, Entry]:
    """What is asked of a landmark model: the same crops, cut and run."""
    here = Path(sys.executable)
    return (
        "crop and network, 1 face",
        Entry(here, "our_crops", 1),
        Entry(here, "onnx", 1, (str(model), layout)),
    )
