# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The owner's thread: slow loading, stopping, and that all happens in one thread."""

import threading
import time

from atpn_ros.engines import BackendError, LoadCancelled
from atpn_ros.engines.engine_thread import EngineThread


def test_everything_happens_in_one_thread():
    threads = []

    def here(*_):
        threads.append(threading.current_thread())

    owner = EngineThread(lambda control: here() or "engine", here)
    owner.submit(here).done.wait(5)
    assert owner.close(5)
    assert len(threads) == 3
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()


def slow(control):
    """A build that takes for ever and can be stopped."""
    control.report("building")
    control.cancel.wait(60)
    control.check()


def test_a_slow_build_is_told_and_stopped_at_once():
    told, freed = [], []
    owner = EngineThread(slow, freed.append, told.append)
    job = owner.submit(lambda: told.append("must not be done"))
    assert not owner.wait(0.2)
    assert (owner.value, owner.error, told) == (None, None, ["building"])
    began = time.monotonic()
    assert owner.close(5)
    assert time.monotonic() - began < 0.5
    assert isinstance(owner.error, LoadCancelled)
    assert job.done.is_set()
    assert told == ["building"]
    assert freed == []


def test_work_waits_for_the_engine():
    go, seen = threading.Event(), []
    owner = EngineThread(lambda control: go.wait(5), lambda value: None)
    job = owner.submit(lambda: seen.append(owner.value))
    assert not job.done.wait(0.1)
    go.set()
    assert job.done.wait(5)
    assert seen == [True]
    assert owner.close(5)


def test_work_that_fails_is_told_and_the_next_is_done():
    told, done = [], []
    owner = EngineThread(lambda control: "engine", lambda value: None, told.append)
    owner.submit(lambda: [][0])
    assert owner.submit(lambda: done.append(1)).done.wait(5)
    assert owner.close(5)
    assert told == ["IndexError: list index out of range"]
    assert done == [1]


def test_reasons_are_kept_also_unexpected_ones():
    def fail(control):
        raise BackendError("no such card")

    def crash(control):
        raise OSError("driver\nis broken")

    for load, words in ((fail, "no such card"), (crash, "OSError: driver is broken")):
        owner = EngineThread(load, lambda value: None)
        assert owner.wait(5)
        assert str(owner.error) == words
        assert owner.close(5)


def test_what_cannot_be_stopped_does_not_hold_up_the_end():
    release = threading.Event()
    owner = EngineThread(lambda control: release.wait(30), lambda value: None)
    assert not owner.close(0.2)
    release.set()
    assert owner.close(5)
