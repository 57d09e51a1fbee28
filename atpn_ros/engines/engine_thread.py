# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The one thread that an engine belongs to: it loads it, works with it and frees it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from atpn_ros.engines.base import BackendError, LoadCancelled, LoadControl, one_line
from atpn_ros.types import AtpnError

T = TypeVar("T")


class Job:
    """Something that the owner does once its thing is loaded."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.done = threading.Event()


class EngineThread(Generic[T]):
    """Loads something slow in a thread of its own, which then does all work with it.

    Args:
        load: Makes it; called in the thread.
        free: Gives it back; called in the thread, last.
        tell: Called from the thread with each line of what is going on.

    >>> owner = EngineThread(lambda control: "an engine", print)
    >>> owner.wait(5)
    True
    >>> owner.value, owner.error
    ('an engine', None)
    >>> owner.close(5)
    an engine
    True
    """

    def __init__(
        self,
        load: Callable[[LoadControl], T],
        free: Callable[[T], None],
        tell: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._load, self._free = load, free
        self._control = LoadControl(tell)
        self._settled = threading.Event()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._value: T | None = None
        self._error: AtpnError | None = None
        # A daemon: ONNX Runtime's own builds cannot be stopped, and must not hold up the end.
        self._thread = threading.Thread(target=self._live, name="faces", daemon=True)
        self._thread.start()

    @property
    def value(self) -> T | None:
        """What was loaded; None before, and where that failed."""
        return self._value

    @property
    def error(self) -> AtpnError | None:
        """Why it could not be loaded."""
        return self._error

    @property
    def settled(self) -> bool:
        """Whether loading is over, in one way or the other."""
        return self._settled.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the loading to be over; whether it is."""
        return self._settled.wait(seconds)

    def submit(self, work: Callable[[], None]) -> Job:
        """Have something done in the thread, after the loading; never if that fails."""
        job = Job(work)
        self._jobs.put(job)
        return job

    def close(self, seconds: float) -> bool:
        """Stop loading, finish the job at hand and free all; whether that was done in time."""
        self._control.cancel.set()
        self._jobs.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _live(self) -> None:
        try:
            self._value = self._load(self._control)
        except AtpnError as error:
            self._error = error
        except Exception as error:  # whatever a driver throws: told, and the process lives on
            self._error = BackendError(f"{type(error).__name__}: {one_line(error)}")
        if self._control.cancel.is_set() and self._error is None:
            self._error = LoadCancelled("stopped")
        self._settled.set()
        while (job := self._jobs.get()) is not None:
            try:
                if self._error is None:
                    job.work()
            except Exception as error:  # others wait for what comes after
                self._control.report(f"{type(error).__name__}: {one_line(error)}")
            finally:
                job.done.set()
        if self._value is not None:
            value, self._value = self._value, None
            self._free(value)
