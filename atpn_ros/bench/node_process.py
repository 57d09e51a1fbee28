# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starts ``face_node`` as a child process, isolated from other ROS nodes on the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from atpn_ros import resources

START_LIMIT_S = 20.0
_BUILD_LIMIT_S = 60.0
"""Longest time without progress output while the node builds an engine."""


def environment() -> dict[str, str]:
    """Environment variables: a ROS domain of its own, this host only, shared memory for images."""
    profile = resources.share_path("config/fastdds_shm.xml")
    return os.environ | {
        "ROS_DOMAIN_ID": os.environ.get("ROS_DOMAIN_ID", str(1 + os.getpid() % 100)),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(profile),
        "FASTDDS_DEFAULT_PROFILES_FILE": str(profile),
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def node(log: Path, world: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``face_node`` with its log in a file during the block, then stop it with SIGINT."""
    with log.open("w") as stream:
        process = subprocess.Popen(  # noqa: S603 our own script
            [sys.executable, str(resources.script_path("face_node"))],
            env=world, stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            wait_for_engine(process, log)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_engine(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the node has loaded its engine; building one for a new GPU takes minutes."""
    reported, end = "", time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < end:
        lines = log.read_text().splitlines()
        if any(": model " in line for line in lines):
            return
        building = [line for line in lines if "building the engine" in line]
        if building and building[-1] != reported:
            reported, end = building[-1], time.monotonic() + _BUILD_LIMIT_S
            print(reported.split(": ", 1)[-1], flush=True)
        time.sleep(0.1)


def last_line(log: Path) -> str:
    """The last line of a log file."""
    return (log.read_text().strip().splitlines()[-1:] or ["the log is empty"])[0]


def wait_until(condition: Callable[[], bool], limit_s: float, step: Callable[[], object]) -> bool:
    """Call ``step`` until ``condition`` is true; returns False after ``limit_s`` seconds."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if condition():
            return True
        step()
    return condition()
