# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Gaps in the sequence numbers of one publisher and of several."""

from atpn_ros.node.sequence_gaps import SequenceGaps


def missed(gaps, *numbers):
    return [gaps.missed(number) for number in numbers]


def test_a_second_publisher_counts_no_messages_as_missed_before_it_is_known():
    gaps = SequenceGaps()
    gaps.set_publishers(1)
    assert missed(gaps, 1000, 1002, 1, 1003, 2, 1004) == [0, 1, 0, 0, 0, 0]
    gaps.set_publishers(2)
    assert missed(gaps, 3, 1005) == [0, 0]
    gaps.set_publishers(1)
    assert missed(gaps, 1007, 1010) == [0, 2]


def test_gaps_count_only_when_the_number_of_publishers_is_known():
    gaps = SequenceGaps()
    assert missed(gaps, 1, 500) == [0, 0]
    gaps.set_publishers(1)
    assert missed(gaps, 502, 504) == [0, 1]


def test_a_publisher_that_was_restarted_is_counted_again():
    gaps = SequenceGaps()
    gaps.set_publishers(1)
    assert missed(gaps, 50, 1, 4) == [0, 0, 0]
    gaps.set_publishers(1)
    assert missed(gaps, 6, 8) == [0, 1]
