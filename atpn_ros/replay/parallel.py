# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Many bags: each in a process of its own on this machine, or as a task on Ray.

A process that dies takes its own bag with it and no other.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any

from atpn_ros.replay.bag_replay import ReplayJob
from atpn_ros.replay.bags import ReplayError
from atpn_ros.replay.results import ReplayOutcome, attempt

_REPORT_S = 0.2

Report = Callable[[int, int, int], None]
"""Told now and then: which job, how many of its images were dealt with, and of how many."""


class InterruptGuard:
    """While it is entered, SIGINT and SIGTERM end the work with an exception.

    Where the signal comes, and again at the next image and at the bag's end: some libraries swallow
    what is raised while they are imported, or make another error of it.
    """

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._asked = False

    def __enter__(self) -> InterruptGuard:
        """From now on SIGINT and SIGTERM come here."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._on_signal) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        raise self._error

    def check(self) -> None:
        """Raise if the end was asked for."""
        if self._asked:
            raise self._error


def replay_all(
    jobs: Sequence[ReplayJob], workers: int, overwrite: bool, report: Report, stop: InterruptGuard
) -> Generator[ReplayOutcome, None, None]:
    """Replay bags on this machine; their outcomes as they come.

    Closing the iterator early stops what is running, which then leaves nothing behind.
    """
    if workers <= 1 or len(jobs) <= 1:
        for index, job in enumerate(jobs):
            yield _attempt(job, overwrite, lambda *n, i=index: report(i, *n), stop)
        return
    context = multiprocessing.get_context("spawn")  # what OpenCV and the engine start cannot fork
    waiting = list(enumerate(jobs))[::-1]
    running: dict[Connection, tuple[int, SpawnProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                index, job = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(job, overwrite, theirs))
                process.start()
                theirs.close()  # so that its end is seen here when the process ends
                running[ours] = (index, process)
            ready = wait(list(running))
            for pipe in [p for p in running if p in ready]:
                index, process = running[pipe]
                outcome = _received(pipe, lambda *n, i=index: report(i, *n))
                if outcome is None and not pipe.closed:
                    continue
                del running[pipe]
                pipe.close()
                process.join()
                yield outcome or ReplayOutcome(
                    jobs[index], error=f"{jobs[index].source}: its process died {_how(process)}"
                )
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def replay_on_ray(
    jobs: Sequence[ReplayJob], address: str, overwrite: bool
) -> Generator[ReplayOutcome, None, None]:
    """Replay bags as tasks on a Ray cluster; their outcomes as they come.

    The machines need this package, and see the bags under the same paths.

    Args:
        jobs: What to do.
        address: Of the cluster, e.g. ``auto`` or ``ray://host:10001``; ``local``: a new one here.
        overwrite: Whether to replace what is there.

    Raises:
        ReplayError: There is no Ray.
    """
    try:
        import ray
    except ImportError as error:
        raise ReplayError("--ray needs Ray: pip install ray") from error
    try:
        ray.init(address=address, log_to_driver=False)
    except Exception as error:  # whatever it is, Ray cannot be had
        raise ReplayError(f"--ray {address}: {' '.join(str(error).split())[:200]}") from error
    try:
        # A task asks for as many cores as the network may use.
        task = ray.remote(attempt)
        waiting = {}
        for job in jobs:
            absolute = replace(job, source=job.source.resolve(), target=job.target.resolve())
            cores = max(1, job.settings.threads)
            waiting[task.options(num_cpus=cores).remote(absolute, overwrite)] = job
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            job = waiting.pop(ready)
            try:
                yield ray.get(ready)
            except Exception as error:  # the task or its machine died
                words = " ".join(str(error).split())[:200]
                yield ReplayOutcome(job, error=f"{job.source}: its task failed: {words}")
    finally:
        ray.shutdown()


def _attempt(
    job: ReplayJob, overwrite: bool, report: Callable[[int, int], None], stop: InterruptGuard
) -> ReplayOutcome:
    try:
        return attempt(job, overwrite, _seldom(report, stop))
    finally:
        stop.check()  # whatever else may have become of the signal's exception


def _child(job: ReplayJob, overwrite: bool, pipe: Connection) -> None:
    # SystemExit: multiprocessing prints no traceback of it.
    with InterruptGuard(SystemExit(130)) as stop:
        pipe.send(_attempt(job, overwrite, lambda *n: pipe.send(n), stop))


def _received(pipe: Connection, report: Callable[[int, int], None]) -> ReplayOutcome | None:
    """One message of a process; an outcome is its last, and a closed pipe means that it died."""
    try:
        message: Any = pipe.recv()
    except EOFError:
        pipe.close()
        return None
    if isinstance(message, ReplayOutcome):
        return message
    report(*message)
    return None


def _how(process: SpawnProcess) -> str:
    code = process.exitcode
    if code is not None and code < 0:
        return f"of {signal.Signals(-code).name}"
    return f"with exit code {code}"


def _seldom(report: Callable[[int, int], None], stop: InterruptGuard) -> Callable[[int, int], None]:
    """A report that is made a few times per second, and at the end."""
    due = 0.0

    def told(done: int, total: int) -> None:
        nonlocal due
        stop.check()
        if done == total or time.monotonic() >= due:
            due = time.monotonic() + _REPORT_S
            report(done, total)

    return told
