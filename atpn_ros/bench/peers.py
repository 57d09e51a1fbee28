# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compares the speed of ATPN with other models, in alternation on the same frames and core."""

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
from atpn_ros.bench.timing import Quartiles, ratios
from atpn_ros.types import AtpnError, Image

LOOP = 60
BLOCK = 20
"""Consecutive frames of one candidate before the other one runs."""


@dataclass(frozen=True, slots=True)
class CandidateSpec:
    """A candidate to time, and the number of faces in its frames.

    The fields are the arguments of :class:`~atpn_ros.bench.candidate.Candidate`.
    """

    python: Path
    kind: str
    faces: int
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Times of two candidates, measured in this run.

    Attributes:
        what: What is compared.
        first, second: Names of the candidates.
        faces: Number of faces in view of each candidate.
        held: Mean number of faces per frame that each candidate tracked.
        wall_ms: Median wall time of a frame, of each candidate.
        cpu_ms: Median CPU time of a frame, of each candidate.
        wall_ratio: Wall time of the first over the second, per pair of blocks.
        cpu_ratio: The same for CPU time, which other processes do not lengthen.
        error: Why there is no result; empty if there is one.
    """

    what: str
    first: str = ""
    second: str = ""
    faces: tuple[int, int] = (0, 0)
    held: tuple[float, float] = (0.0, 0.0)
    wall_ms: tuple[float, float] = (0.0, 0.0)
    cpu_ms: tuple[float, float] = (0.0, 0.0)
    wall_ratio: Quartiles | None = None
    cpu_ratio: Quartiles | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ComparisonSettings:
    """How two candidates are compared.

    Attributes:
        core: The only CPU core that all candidates may use, or None for all.
        pairs: Number of pairs of blocks.
        block: Frames per block.
    """

    core: int | None
    pairs: int = 20
    block: int = BLOCK


def compare(
    what: str,
    first: CandidateSpec,
    second: CandidateSpec,
    files: Callable[[int], Path],
    settings: ComparisonSettings,
) -> Comparison:
    """Run two candidates in alternating blocks; a failure becomes the comparison's ``error``."""
    try:
        with ExitStack() as stack:
            pair = [
                stack.enter_context(
                    Candidate(e.python, e.kind, files(e.faces), e.faces, settings.core, *e.more)
                )
                for e in (first, second)
            ]
            return _measured(what, (first, second), pair, settings)
    except AtpnError as error:
        return Comparison(what, error=str(error))


def _measured(
    what: str,
    entries: tuple[CandidateSpec, CandidateSpec],
    pair: Sequence[Candidate],
    settings: ComparisonSettings,
) -> Comparison:
    wall: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    held: tuple[list[int], list[int]] = ([], [])
    for n in range(settings.pairs):
        # The order alternates, so that neither candidate always runs second.
        for i in (0, 1) if n % 2 == 0 else (1, 0):
            block = pair[i].block(n * settings.block, settings.block)
            wall[i].append(statistics.median(block.wall_ms))
            cpu[i].append(statistics.median(block.cpu_ms))
            held[i].extend(block.faces)

    def each(values: tuple[Sequence[float], Sequence[float]]) -> tuple[float, float]:
        a, b = (round(float(np.median(v)), 3) for v in values)
        return a, b

    return Comparison(
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
    """A function that returns a file of frames with so many faces; the files are temporary."""
    with tempfile.TemporaryDirectory(prefix="atpn-bench-") as folder:

        def file(faces: int) -> Path:
            path = Path(folder, f"{faces}.npy")
            if not path.is_file():
                np.save(path, make(faces, LOOP))
            return path

        yield file


def whole_frames(
    python: Path, faces: Sequence[int]
) -> list[tuple[str, CandidateSpec, CandidateSpec]]:
    """Comparisons with MediaPipe Face Mesh: tracked frames, and how the time grows with faces."""
    here = Path(sys.executable)
    comparisons = [
        (f"a tracked frame, {n} face{'s' if n > 1 else ''}",
         CandidateSpec(here, "ours", n), CandidateSpec(python, "mediapipe", n))
        for n in faces
    ]  # fmt: skip
    comparisons += [
        ("the same, with its iris stage, 1 face",
         CandidateSpec(here, "ours", 1), CandidateSpec(python, "mediapipe", 1, ("iris",))),
        growth(),
        ("five faces over one, theirs",
         CandidateSpec(python, "mediapipe", 5), CandidateSpec(python, "mediapipe", 1)),
    ]  # fmt: skip
    return comparisons


def growth() -> tuple[str, CandidateSpec, CandidateSpec]:
    """Comparison of this package with itself: five faces against one."""
    here = Path(sys.executable)
    return (
        "five faces over one, ours",
        CandidateSpec(here, "ours", 5),
        CandidateSpec(here, "ours", 1),
    )


def crops(model: Path, layout: str) -> tuple[str, CandidateSpec, CandidateSpec]:
    """Comparison with another landmark model on the same crops."""
    here = Path(sys.executable)
    return (
        "crop and network, 1 face",
        CandidateSpec(here, "our_crops", 1),
        CandidateSpec(here, "onnx", 1, (str(model), layout)),
    )
