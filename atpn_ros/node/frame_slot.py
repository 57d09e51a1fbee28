# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A thread-safe slot for the newest frame, frame counters, and a throttle for log messages."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from atpn_ros.images.raw import PixelDepth

T = TypeVar("T")


class NewestSlot(Generic[T]):
    """Holds at most one item; a newer one replaces it. One thread takes, other threads put.

    >>> slot = NewestSlot[str]()
    >>> slot.put("a"), slot.put("b"), slot.take(0.0)
    (False, True, 'b')
    """

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._item: T | None = None
        self._open = True

    def put(self, item: T) -> bool:
        """Store an item. Returns whether it replaced an older one."""
        with self._ready:
            dropped = self._item is not None
            self._item = item
            self._ready.notify()
            return dropped

    def take(self, timeout_s: float) -> T | None:
        """Take the newest item; None after the timeout or if the slot is closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._item is not None or not self._open, timeout_s)
            item, self._item = self._item, None
            return item if self._open else None

    @property
    def closed(self) -> bool:
        """Whether the slot is closed."""
        return not self._open

    def close(self) -> None:
        """Close the slot: drop the item and wake the thread that takes."""
        with self._ready:
            self._open = False
            self._item = None
            self._ready.notify_all()


@dataclass(slots=True)
class FlowStats:
    """Counts and latencies since activation. Each number is written by one thread only."""

    received: int = 0
    processed: int = 0
    with_faces: int = 0
    """Processed images with at least one tracked face."""
    untracked: int = 0
    """Faces in view beyond max_faces when the detector ran last."""
    dropped: int = 0
    lost: int = 0
    """Images that the middleware reports as lost before they arrived."""
    missed: int = 0
    """Images that were published but did not arrive, by gaps in their numbers: lost in transport,
    or replaced by a newer one while the node was busy receiving."""
    detector_runs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Rejected images by reason."""
    odd: Counter[str] = field(default_factory=Counter)
    """Processed images with an unusual header, by what is unusual."""
    depth: PixelDepth = field(default_factory=PixelDepth)
    """The range of pixel values with more than 8 bits."""
    latency_ns: deque[int] = field(default_factory=lambda: deque(maxlen=300))
    """Latencies of the last 300 frames, from image stamp to the end of processing, ns."""
    last_received_ns: int | None = None
    age_ns: int | None = None
    """Age of the last image on arrival by its stamp, ns; None if the stamp is zero."""

    @property
    def refused_total(self) -> int:
        """Number of rejected images."""
        return sum(self.refused.values())


class Throttle:
    """Limits how often each kind of message is logged.

    >>> throttle = Throttle(5 * 10**9)
    >>> throttle.due("a", 0), throttle.due("a", 10**9), throttle.due("b", 10**9)
    (True, False, True)
    """

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._logged_ns: dict[str, int] = {}

    def due(self, kind: str, now_ns: int) -> bool:
        """Whether a message may be logged: none of its kind was within the interval.

        Args:
            kind: The kind of message; it counts as logged now if True is returned.
            now_ns: Monotonic time, ns.
        """
        last = self._logged_ns.get(kind)
        if last is not None and 0 <= now_ns - last < self._interval_ns:
            return False
        self._logged_ns[kind] = now_ns
        return True
