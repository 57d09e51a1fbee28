# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A thread that loads an engine, runs all work on it and frees it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from atpn_ros.engines.base import BackendError, LoadCancelled, LoadControl, one_line
from atpn_ros.types import AtpnError

T = TypeVar("T")


class EngineJob:
    """Work for the engine thread, with an event that is set when it is done."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.done = threading.Event()


class EngineThread(Generic[T]):
    """Loads a value in a thread of its own, which then does all work with it.

    CUDA and TensorRT objects are used by the thread that made them.

    Args:
        load: Makes the value; called in the thread.
        free: Frees the value; called in the thread, last.
        report: Receives lines of progress and of failed jobs; called in the thread.

    >>> thread = EngineThread(lambda control: "an engine", print)
    >>> thread.wait(5)
    True
    >>> thread.value, thread.error
    ('an engine', None)
    >>> thread.close(5)
    an engine
    True
    """

    def __init__(
        self,
        load: Callable[[LoadControl], T],
        free: Callable[[T], None],
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._load, self._free = load, free
        self._control = LoadControl(report)
        self._settled = threading.Event()
        self._jobs: queue.SimpleQueue[EngineJob | None] = queue.SimpleQueue()
        self._value: T | None = None
        self._error: AtpnError | None = None
        # A daemon: ONNX Runtime's own builds cannot be cancelled, and must not delay the exit.
        self._thread = threading.Thread(target=self._run, name="faces", daemon=True)
        self._thread.start()

    @property
    def value(self) -> T | None:
        """The loaded value; None while loading and if loading failed."""
        return self._value

    @property
    def error(self) -> AtpnError | None:
        """Why loading failed; None while loading and if it succeeded."""
        return self._error

    @property
    def settled(self) -> bool:
        """Whether loading has ended, with a value or an error."""
        return self._settled.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until loading has ended. Returns whether it has."""
        return self._settled.wait(seconds)

    def submit(self, work: Callable[[], None]) -> EngineJob:
        """Run ``work`` in the thread after loading; it is skipped if loading fails."""
        job = EngineJob(work)
        self._jobs.put(job)
        return job

    def close(self, seconds: float) -> bool:
        """Cancel loading, finish the running job and free the value. Returns whether in time."""
        self._control.cancel.set()
        self._jobs.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._value = self._load(self._control)
        except AtpnError as error:
            self._error = error
        except Exception as error:  # drivers raise their own types; the process must go on
            self._error = BackendError(f"{type(error).__name__}: {one_line(error)}")
        if self._control.cancel.is_set() and self._error is None:
            self._error = LoadCancelled("cancelled")
        self._settled.set()
        while (job := self._jobs.get()) is not None:
            try:
                if self._error is None:
                    job.work()
            except Exception as error:  # the jobs after it must still run
                self._control.report(f"{type(error).__name__}: {one_line(error)}")
            finally:
                job.done.set()
        if self._value is not None:
            value, self._value = self._value, None
            self._free(value)
