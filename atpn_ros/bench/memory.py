# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a process holds of the machine's memory, as Linux counts it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atpn_ros.types import AtpnError


class NoProcess(AtpnError):
    """There is no such process, or this system does not tell of its memory."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, MiB.

    Attributes:
        resident: In memory now, shared libraries included.
        peak: The most that ``resident`` has been.
        threads: How many it has.
    """

    resident: float
    peak: float
    threads: int


def memory_of(pid: int | str = "self") -> Memory:
    """Read it.

    Raises:
        NoProcess: It cannot be read.
    """
    try:
        return parsed(Path("/proc", str(pid), "status").read_text())
    except (OSError, KeyError) as error:
        raise NoProcess(f"process {pid}: its memory cannot be read") from error


def parsed(status: str) -> Memory:
    r"""From the text of ``/proc/PID/status``.

    >>> parsed("VmHWM:\t 4096 kB\nVmRSS:\t 2048 kB\nThreads:\t3\n")
    Memory(resident=2.0, peak=4.0, threads=3)
    """
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    resident, peak = (round(int(fields[n].split()[0]) / 1024, 1) for n in ("VmRSS", "VmHWM"))
    return Memory(resident, peak, int(fields["Threads"]))
