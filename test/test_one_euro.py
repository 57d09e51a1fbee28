# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One Euro: steady at rest, quick in motion, and only the images' stamps count."""

import numpy as np
import pytest

from atpn_ros.pipeline.one_euro import OneEuro, OneEuroSettings

STEP = 33_000_000


def run(values, settings=None, step=STEP, unit=1.0):
    smooth = OneEuro(settings or OneEuroSettings())
    return np.array([smooth(np.array([v]), n * step, unit)[0] for n, v in enumerate(values)])


def test_the_first_value_passes_through():
    assert run([7.5]).tolist() == [7.5]


def test_jitter_at_rest_shrinks():
    noise = np.random.default_rng(1).normal(0, 0.01, 300)
    assert run(noise)[50:].std() < 0.5 * noise[50:].std()


def test_a_step_is_reached_without_overshoot():
    out = run([0.0] * 10 + [1.0] * 60)
    assert (np.diff(out) >= 0).all()
    assert out.max() <= 1
    assert out[-1] > 0.99


def test_beta_lessens_the_lag_of_motion():
    ramp = np.arange(60) * 0.05
    lazy = run(ramp, OneEuroSettings(beta=0.0))
    quick = run(ramp, OneEuroSettings(beta=10.0))
    assert ramp[-1] - quick[-1] < 0.5 * (ramp[-1] - lazy[-1])


def test_without_beta_it_is_the_exponential_filter_of_the_paper():
    r = 2 * np.pi * 2.0 * 0.1
    alpha = r / (r + 1)
    out = run([0.0, 1.0, 1.0], OneEuroSettings(min_cutoff=2.0, beta=0.0), step=10**8)
    np.testing.assert_allclose(out, [0, alpha, alpha + alpha * (1 - alpha)])


@pytest.mark.parametrize("stamp", [STEP, 0, -STEP])
def test_a_stamp_that_does_not_advance_passes_through_and_starts_anew(stamp):
    smooth = OneEuro(OneEuroSettings())
    smooth(np.array([0.0]), 0)
    smooth(np.array([1.0]), STEP)
    assert smooth(np.array([5.0]), stamp)[0] == 5.0
    assert smooth(np.array([5.0]), stamp + STEP)[0] == 5.0


def test_only_stamps_count_not_the_number_of_calls():
    """A pause lets go of the past."""
    smooth = OneEuro(OneEuroSettings())
    smooth(np.array([0.0]), 0)
    assert smooth(np.array([1.0]), 100 * 10**9)[0] > 0.99


def test_a_unit_makes_large_and_small_things_alike():
    values = np.random.default_rng(2).normal(0, 1, 50)
    np.testing.assert_allclose(run(values * 300, unit=300.0), run(values) * 300)


def test_each_number_is_filtered_on_its_own():
    values = np.random.default_rng(3).normal(0, 1, (20, 2, 3))
    smooth = OneEuro(OneEuroSettings())
    out = np.array([smooth(v, n * STEP) for n, v in enumerate(values)])
    np.testing.assert_allclose(out[:, 1, 2], run(values[:, 1, 2]))


def test_the_callers_array_is_not_changed():
    smooth, values = OneEuro(OneEuroSettings()), np.ones(3)
    for n in range(3):
        smooth(values, n * STEP)
    smooth(np.zeros(3), 4 * STEP)
    np.testing.assert_array_equal(values, 1)
