# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A contender's process, seen from outside: started on one core, asked for one block at a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from atpn_ros.bench.json_subprocess import LineProcess
from atpn_ros.bench.memory import Memory, memory_of
from atpn_ros.bench.runner import Block

RUNNER = Path(__file__).with_name("runner.py")

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class Candidate:
    """One kind of :data:`atpn_ros.bench.runner.KINDS` at work on frames.

    Args:
        python: The interpreter that has what it needs.
        kind: Which.
        frames: The file of the frames.
        faces: How many are in view.
        core: The only one that the process may use, or None for all.
        more: What this kind needs besides.

    Attributes:
        name: Who it says it is.

    Raises:
        Died: It did not start.
    """

    def __init__(
        self, python: Path, kind: str, frames: Path, faces: int, core: int | None, *more: str
    ) -> None:
        where = "all" if core is None else str(core)
        command = [str(python), str(RUNNER), where, kind, str(frames), str(faces), *more]
        environment = os.environ | _ONE_THREAD
        environment.pop("PYTHONPATH", None)
        if python == Path(sys.executable):  # the same package, wherever it is imported from
            environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
        self._process = LineProcess(kind, command, environment)
        self.name = str(self._process.greeting["name"])

    def block(self, start: int, count: int) -> Block:
        """Let it process frames.

        Raises:
            Died: It ended.
        """
        return Block(**self._process.ask(start=start, count=count))

    def memory(self) -> Memory:
        """What it holds now."""
        return memory_of(self._process.pid)

    def close(self) -> None:
        """End it."""
        self._process.close()

    def __enter__(self) -> Candidate:
        """Closed at the end."""
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
