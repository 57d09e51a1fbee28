# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The time that tracking derives from image stamps that do not advance with the images."""

import itertools

import pytest

from atpn_ros.pipeline.frame_clock import (
    JUMPED_FORWARD,
    STAMP_CLOSE,
    STAMP_OLDER,
    STAMP_REPEATED,
    STAMP_ZERO,
    WENT_BACK,
    FrameClock,
)

MS = 1_000_000
SECOND = 1_000 * MS
T0 = 1_700_000_000 * SECOND
PERIOD = 40 * MS


def times(stamps, jump_ns=2 * SECOND):
    """The times of images with these stamps, and what was wrong with each stamp."""
    clock, out, problems = FrameClock(), [], []
    for stamp in stamps:
        assert clock.advance(stamp, jump_ns) == ""
        out.append(clock.time_ns)
        problems.append(clock.problem)
    return out, problems


def steps(values):
    return [b - a for a, b in itertools.pairwise(values)]


@pytest.mark.parametrize(
    "stamps",
    [
        [T0 + n * PERIOD for n in range(50)],
        [T0 + n * PERIOD for n in range(50) if n % 3],  # every third image is dropped
        [n * PERIOD for n in range(50)],  # a recording from 0
        [T0 - 2 * T0 + n * PERIOD for n in range(50)],  # before 1970
        [T0 + n * 8_333_333 for n in range(50)],  # 120 Hz
        [T0 + n * PERIOD + (1_900 * MS if n > 20 else 0) for n in range(60)],  # a pause
        [T0 + n * PERIOD + (n * 7919) % 30 * MS for n in range(50)],  # jitter
    ],
)
def test_stamps_that_advance_are_taken_as_they_are(stamps):
    assert times(stamps) == (stamps, [""] * len(stamps))


@pytest.mark.parametrize("value", [0, T0])
def test_stamps_that_stand_still_are_replaced_by_counted_images(value):
    got, problems = times([value] * 100)
    assert set(steps(got)) == {33_333_333}
    assert set(problems[1:]) == {STAMP_REPEATED if value else STAMP_ZERO}


def test_a_clock_that_gets_stuck_goes_on_at_the_cameras_rate_and_may_run_again():
    moving = [T0 + n * PERIOD for n in range(40)]
    later = [moving[-1] + (n + 101) * PERIOD for n in range(40)]
    got, _ = times([*moving, *[moving[-1]] * 100, *later])
    assert set(steps(got)[:139]) == {PERIOD}
    assert got[-1] == later[-1]


@pytest.mark.parametrize("size", [2, 3, 4, 8])
@pytest.mark.parametrize("gap", [1_000, MS, 2_900_000])
def test_images_in_bursts_are_spread_evenly(size, gap):
    got, problems = times(
        [T0 + n // size * size * PERIOD + n % size * gap for n in range(40 * size)]
    )
    settled = steps(got)[10 * size :]
    assert all(0.5 * PERIOD <= step <= 1.5 * PERIOD for step in settled)
    assert sum(settled) == pytest.approx(len(settled) * PERIOD, rel=0.02)
    assert problems.count(STAMP_CLOSE) == 40 * (size - 1)


def test_a_clock_that_creeps_is_not_followed():
    got, problems = times([T0 + n * MS for n in range(100)])
    assert set(steps(got)) == {33_333_333}
    assert problems[1:] == [STAMP_CLOSE] * 99


def test_stamps_of_whole_seconds_are_spread_evenly():
    got, _ = times([T0 + n // 25 * SECOND for n in range(200)])
    assert all(20 * MS <= step <= 100 * MS for step in steps(got)[50:])
    assert got[-1] - got[50] == pytest.approx(149 * PERIOD, abs=SECOND)


def test_single_images_without_a_stamp_change_nothing_for_the_others():
    stamps = [0 if n % 10 == 9 else T0 + n * PERIOD for n in range(60)]
    got, problems = times(stamps)
    assert got == [T0 + n * PERIOD for n in range(60)]
    assert problems.count(STAMP_ZERO) == 6
    assert problems.count("") == 54


def test_two_images_in_the_wrong_order_are_no_jump():
    stamps = [T0 + n * PERIOD for n in range(40)]
    stamps[20], stamps[21] = stamps[21], stamps[20]
    got, problems = times(stamps)
    assert all(step >= PERIOD // 2 for step in steps(got))
    assert got[23:] == stamps[23:]
    assert [p for p in problems if p] == [STAMP_OLDER]


def test_a_camera_that_begins_to_stamp_its_images_is_no_jump():
    got, problems = times([0, 0, 0, T0, T0 + PERIOD])
    assert max(steps(got)) <= PERIOD
    assert problems[-2:] == ["", ""]


@pytest.mark.parametrize(
    ("step", "why"),
    [(-4 * PERIOD, WENT_BACK), (-100 * SECOND, WENT_BACK), (3 * SECOND, JUMPED_FORWARD)],
)
def test_jumps_are_reported_and_the_clock_starts_at_the_stamp(step, why):
    clock = FrameClock()
    for n in range(10):
        clock.advance(T0 + n * PERIOD, 2 * SECOND)
    stamp = T0 + 9 * PERIOD + step
    assert clock.advance(stamp, 2 * SECOND) == why
    clock.reset()
    assert clock.advance(stamp, 2 * SECOND) == ""
    assert clock.time_ns == stamp
