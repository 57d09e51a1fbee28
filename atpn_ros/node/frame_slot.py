# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Between threads and over time: the newest-frame slot, and what is known of the flow of frames."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


class NewestSlot(Generic[T]):
    """Holds at most one item; a newer one replaces it. One thread takes, others put.

    >>> slot = NewestSlot[str]()
    >>> slot.put("a"), slot.put("b"), slot.take(0.0)
    (False, True, 'b')
    """

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._item: T | None = None
        self._open = True

    def put(self, item: T) -> bool:
        """Leave an item. Returns whether an older one was dropped for it."""
        with self._ready:
            dropped = self._item is not None
            self._item = item
            self._ready.notify()
            return dropped

    def take(self, timeout_s: float) -> T | None:
        """The newest item, or None if none came in time or the slot was closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._item is not None or not self._open, timeout_s)
            item, self._item = self._item, None
            return item if self._open else None

    @property
    def closed(self) -> bool:
        """Whether nothing is handed out any more."""
        return not self._open

    def close(self) -> None:
        """Wake the taker; nothing is handed out any more."""
        with self._ready:
            self._open = False
            self._item = None
            self._ready.notify_all()


@dataclass(slots=True)
class FlowStats:
    """Counts and latencies since activation. Each number is written by one thread only."""

    received: int = 0
    processed: int = 0
    dropped: int = 0
    lost: int = 0
    """Sent by a camera and gone before they came here, as far as the middleware can tell."""
    detector_runs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Bad images by reason."""
    odd: Counter[str] = field(default_factory=Counter)
    """Images that were answered all the same, by what is odd about their headers."""
    latency_ns: deque[int] = field(default_factory=lambda: deque(maxlen=300))
    """Of the last frames, from image stamp to faces known."""
    last_received_ns: int | None = None
    age_ns: int | None = None
    """How old the last image was when it came, by its stamp; None if it has none."""

    @property
    def refused_total(self) -> int:
        """All bad images."""
        return sum(self.refused.values())


class Throttle:
    """Says whether something may be said again.

    >>> throttle = Throttle(5 * 10**9)
    >>> throttle.due("a", 0), throttle.due("a", 10**9), throttle.due("b", 10**9)
    (True, False, True)
    """

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._said: dict[str, int] = {}

    def due(self, what: str, now_ns: int) -> bool:
        """Whether ``what`` was not said within the interval. Then it counts as said now."""
        last = self._said.get(what)
        if last is not None and 0 <= now_ns - last < self._interval_ns:
            return False
        self._said[what] = now_ns
        return True
