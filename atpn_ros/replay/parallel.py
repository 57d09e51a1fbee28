# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replays many bags in parallel, in processes on this machine or as tasks on a Ray cluster.

Each bag has its own process, so a crash affects no other bag.
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

from atpn_ros.replay.bag_files import ReplayError
from atpn_ros.replay.bag_replay import ReplayJob
from atpn_ros.replay.results import ReplayOutcome, replay_if_needed

_REPORT_S = 0.2

ReportCallback = Callable[[int, int, int], None]
"""Called a few times per second with a job's index, its images done and all its images."""


class InterruptGuard:
    """Context manager in which SIGINT and SIGTERM raise an exception.

    It is raised when the signal comes, and again by :meth:`check` after the next image and after
    the bag: some libraries swallow or replace an exception that is raised while they are imported.

    Args:
        error: Returns the exception for the number of a signal.
    """

    def __init__(self, error: Callable[[int], BaseException]) -> None:
        self._make_error = error
        self._error: BaseException | None = None

    def __enter__(self) -> InterruptGuard:
        """Install the signal handlers."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._on_signal) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._error = self._make_error(number)
        raise self._error

    def check(self) -> None:
        """Raise the exception if a signal has come."""
        if self._error is not None:
            raise self._error


def replay_all(
    jobs: Sequence[ReplayJob],
    workers: int,
    overwrite: bool,
    report: ReportCallback,
    stop: InterruptGuard,
) -> Generator[ReplayOutcome, None, None]:
    """Replay bags on this machine; yields their outcomes in the order in which they end.

    Closing the iterator early stops the running processes; unfinished results are removed.
    """
    if workers <= 1 or len(jobs) <= 1:
        for index, job in enumerate(jobs):
            yield _replay_one(job, overwrite, lambda *n, i=index: report(i, *n), stop)
        return
    context = multiprocessing.get_context(
        "spawn"
    )  # threads of OpenCV and the engine do not survive a fork
    waiting = list(enumerate(jobs))[::-1]
    running: dict[Connection, tuple[int, SpawnProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                index, job = waiting.pop()
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_run_in_process, args=(job, overwrite, sender))
                process.start()
                sender.close()  # so that the pipe ends when the process ends
                running[receiver] = (index, process)
            ready = wait(list(running))
            for pipe in [p for p in running if p in ready]:
                index, process = running[pipe]
                outcome = _receive(pipe, lambda *n, i=index: report(i, *n))
                if outcome is None and not pipe.closed:
                    continue
                del running[pipe]
                pipe.close()
                process.join()
                yield outcome or ReplayOutcome(
                    jobs[index],
                    error=f"{jobs[index].source}: its process died {_exit_reason(process)}",
                )
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def replay_on_ray(
    jobs: Sequence[ReplayJob], address: str, overwrite: bool
) -> Generator[ReplayOutcome, None, None]:
    """Replay bags as tasks on a Ray cluster; yields their outcomes in the order in which they end.

    Every machine of the cluster needs this package and the bags under the same paths.

    Args:
        jobs: The bags and their options.
        address: Of the cluster, e.g. ``auto`` or ``ray://host:10001``; ``local`` starts one here.
        overwrite: Whether to replace existing results.

    Raises:
        ReplayError: Ray is not installed, or the cluster cannot be reached.
    """
    try:
        import ray
    except ImportError as error:
        raise ReplayError("--ray needs Ray: pip install ray") from error
    try:
        ray.init(address=address, log_to_driver=False)
    except Exception as error:  # Ray raises many types of errors
        raise ReplayError(f"--ray {address}: {' '.join(str(error).split())[:200]}") from error
    try:
        # A task reserves as many cores as the network may use.
        task = ray.remote(replay_if_needed)
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


def _replay_one(
    job: ReplayJob, overwrite: bool, report: Callable[[int, int], None], stop: InterruptGuard
) -> ReplayOutcome:
    try:
        return replay_if_needed(job, overwrite, _rate_limited(report, stop))
    finally:
        stop.check()  # a library may have swallowed the signal's exception


def _run_in_process(job: ReplayJob, overwrite: bool, pipe: Connection) -> None:
    # SystemExit: multiprocessing prints no traceback of it.
    with InterruptGuard(lambda _: SystemExit(130)) as stop:
        pipe.send(_replay_one(job, overwrite, lambda *n: pipe.send(n), stop))


def _receive(pipe: Connection, report: Callable[[int, int], None]) -> ReplayOutcome | None:
    """Receive one message of a process: its outcome, or None after a progress report.

    Closes the pipe if the process died without an outcome.
    """
    try:
        message: Any = pipe.recv()
    except EOFError:
        pipe.close()
        return None
    if isinstance(message, ReplayOutcome):
        return message
    report(*message)
    return None


def _exit_reason(process: SpawnProcess) -> str:
    code = process.exitcode
    if code is not None and code < 0:
        return f"of {signal.Signals(-code).name}"
    return f"with exit code {code}"


def _rate_limited(
    report: Callable[[int, int], None], stop: InterruptGuard
) -> Callable[[int, int], None]:
    """A callback that calls ``report`` a few times per second, and after the last image."""
    due = 0.0

    def limited(done: int, total: int) -> None:
        nonlocal due
        stop.check()
        if done == total or time.monotonic() >= due:
            due = time.monotonic() + _REPORT_S
            report(done, total)

    return limited
