# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Memory use of a process, read from ``/proc`` (Linux)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atpn_ros.types import AtpnError


class MemoryUnknown(AtpnError):
    """There is no such process, or this system has no ``/proc``."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one process.

    Attributes:
        resident: Resident set size, shared libraries included, MiB.
        peak: Largest value that ``resident`` has had, MiB.
        threads: Number of threads.
    """

    resident: float
    peak: float
    threads: int


def memory_of(pid: int | str = "self") -> Memory:
    """Memory of a process, by default of this one.

    Raises:
        MemoryUnknown: ``/proc`` cannot be read.
    """
    try:
        return parsed(Path("/proc", str(pid), "status").read_text())
    except (OSError, KeyError) as error:
        raise MemoryUnknown(f"process {pid}: cannot read its memory use") from error


def parsed(status: str) -> Memory:
    r"""Parse the text of ``/proc/PID/status``.

    >>> parsed("VmHWM:\t 4096 kB\nVmRSS:\t 2048 kB\nThreads:\t3\n")
    Memory(resident=2.0, peak=4.0, threads=3)
    """
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    resident, peak = (round(int(fields[n].split()[0]) / 1024, 1) for n in ("VmRSS", "VmHWM"))
    return Memory(resident, peak, int(fields["Threads"]))
