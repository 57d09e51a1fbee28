# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counts messages that were published and not received, by gaps in their sequence numbers."""

from __future__ import annotations


class SequenceGaps:
    """Counts the messages of a topic that were published and not received, by their numbers.

    Each publisher numbers its own messages, and a message does not name its publisher. So gaps are
    counted only while there is one publisher. A number that does not increase is that of another
    one: then nothing is counted until :meth:`set_publishers` is called.

    >>> gaps = SequenceGaps()
    >>> gaps.set_publishers(1)
    >>> [gaps.missed(number) for number in (7, 8, 11, None, 13, 14)]
    [0, 0, 2, 0, 0, 0]
    """

    def __init__(self) -> None:
        self._last: int | None = None
        self._single = False

    def set_publishers(self, count: int) -> None:
        """Set the number of publishers that the topic has now."""
        if count == 1 and not self._single:
            self._last = None  # perhaps of another publisher
        self._single = count == 1

    def missed(self, number: int | None) -> int:
        """Messages between the last one and this one; None: the middleware does not number them."""
        last, self._last = self._last, number
        if number is None or last is None:
            return 0
        if number <= last:
            self._single = False
        return number - last - 1 if self._single else 0
