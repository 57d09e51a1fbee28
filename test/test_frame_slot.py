# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The newest-frame slot between threads, throttling and figures."""

import threading
import time

import pytest

from atpn_ros.node.frame_slot import FlowStats, NewestSlot, Throttle
from atpn_ros.timing import percentiles_ms


def test_the_newest_item_wins_and_the_older_counts_as_dropped():
    slot = NewestSlot()
    assert [slot.put(n) for n in range(3)] == [False, True, True]
    assert slot.take(0) == 2
    assert slot.put(3) is False


def test_an_item_is_handed_out_once():
    slot = NewestSlot()
    slot.put("a")
    assert slot.take(0) == "a"
    assert slot.take(0) is None


def test_take_gives_up_after_its_time():
    began = time.monotonic()
    assert NewestSlot().take(0.05) is None
    assert 0.04 < time.monotonic() - began < 2


@pytest.mark.parametrize("wake", [lambda s: s.put("a"), lambda s: s.close()])
def test_a_waiting_taker_is_woken(wake):
    slot, got = NewestSlot(), []
    taker = threading.Thread(target=lambda: got.append(slot.take(20)))
    taker.start()
    wake(slot)
    taker.join(5)
    assert not taker.is_alive()
    assert got in (["a"], [None])


def test_a_closed_slot_hands_nothing_out():
    slot = NewestSlot()
    slot.put("a")
    assert not slot.closed
    slot.close()
    assert slot.closed
    slot.put("b")
    assert slot.take(0) is None


def test_every_item_is_either_taken_or_dropped():
    slot, taken, dropped = NewestSlot(), [], []

    def fill():
        for n in range(2000):
            dropped.append(slot.put(n))

    filler = threading.Thread(target=fill)
    filler.start()
    while filler.is_alive() or taken[-1:] != [1999]:
        item = slot.take(0.01)
        if item is not None:
            taken.append(item)
    assert taken == sorted(set(taken))
    assert len(taken) + sum(dropped) == 2000


def test_throttle_says_each_thing_once_per_interval():
    throttle = Throttle(10)
    said = [t for t in range(0, 35) if throttle.due("a", t)]
    assert said == [0, 10, 20, 30]
    assert throttle.due("b", 31)


def test_throttle_is_not_silenced_by_a_jump_back():
    throttle = Throttle(10)
    throttle.due("a", 1000)
    assert throttle.due("a", 5)


def test_percentiles_are_milliseconds_and_zero_without_values():
    assert percentiles_ms([n * 10**6 for n in range(101)], 0, 50, 95, 100) == [0, 50, 95, 100]
    assert percentiles_ms([], 50, 95) == [0, 0]


def test_refused_images_are_counted_by_reason_and_only_late_latencies_are_kept():
    stats = FlowStats()
    stats.refused["short_data"] += 2
    stats.refused["empty"] += 1
    assert stats.refused_total == 3
    stats.latency_ns.extend(range(1000))
    assert len(stats.latency_ns) == 300
    assert stats.latency_ns[0] == 700
