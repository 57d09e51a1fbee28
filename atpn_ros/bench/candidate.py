# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starts a tracker in a child process for a benchmark, and requests timed runs from it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from atpn_ros.bench.json_subprocess import JsonSubprocess
from atpn_ros.bench.memory import Memory, memory_of
from atpn_ros.bench.runner import Block

RUNNER = Path(__file__).with_name("runner.py")

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


class Candidate:
    """A process of ``runner.py`` that processes frames with one piece of software.

    Args:
        python: The interpreter that has the libraries the candidate needs.
        kind: One of :data:`atpn_ros.bench.runner.KINDS`.
        frames: A ``.npy`` file of frames, (N, H, W, 3) BGR.
        faces: Number of faces in view.
        core: The only CPU core that the process may use, or None for all.
        more: Further arguments of this kind.

    Attributes:
        name: Name and version that the process reports.

    Raises:
        SubprocessFailed: The process did not start.
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
        self._process = JsonSubprocess(kind, command, environment)
        self.name = str(self._process.greeting["name"])

    def block(self, start: int, count: int) -> Block:
        """Process ``count`` frames from number ``start`` on and return their times.

        Raises:
            SubprocessFailed: The process ended.
        """
        return Block(**self._process.request(start=start, count=count))

    def memory(self) -> Memory:
        """The memory that the process uses now."""
        return memory_of(self._process.pid)

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def __enter__(self) -> Candidate:
        """Close the process at the end of the block."""
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
