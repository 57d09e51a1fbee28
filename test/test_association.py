# SPDX-FileCopyrightText: 2026 The atpn_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The cheapest pairing, against all pairings there are."""

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atpn_ros.pipeline.association import assign

shapes = st.tuples(st.integers(1, 4), st.integers(1, 5))
numbers = st.floats(-100, 100) | st.sampled_from([0.0, 1.0, 2.0])  # ties too
maybe = numbers | st.sampled_from([np.inf, np.nan])


def every_pairing(cost):
    """(pairs, cost) of every way to pair rows with columns that is allowed."""
    rows, columns = cost.shape
    for count in range(min(rows, columns) + 1):
        for some in combinations(range(rows), count):
            for chosen in permutations(range(columns), count):
                values = [cost[pair] for pair in zip(some, chosen, strict=True)]
                if np.isfinite(values).all():
                    yield count, float(sum(values))


@given(cost=shapes.flatmap(lambda s: arrays(float, s, elements=maybe)))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_no_pairing_has_more_pairs_or_costs_less(cost):
    pairs = assign(cost)
    total = float(sum(cost[pair] for pair in pairs))
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)
    assert pairs == sorted(pairs)
    most, least = min(((-n, c) for n, c in every_pairing(cost)))
    assert len(pairs) == -most
    assert total == pytest.approx(least, abs=1e-6)


@given(cost=shapes.flatmap(lambda s: arrays(float, s, elements=numbers)))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_rows_and_columns_may_be_exchanged(cost):
    there, back = assign(cost), assign(cost.T)
    assert sum(cost[p] for p in there) == pytest.approx(sum(cost.T[p] for p in back), abs=1e-6)


def test_a_large_matrix_is_paired_as_it_was_shuffled():
    rng = np.random.default_rng(4)
    order = rng.permutation(64)
    cost = rng.uniform(1, 2, (64, 64))
    cost[np.arange(64), order] = 0.5
    assert assign(cost) == list(enumerate(order.tolist()))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_is_paired_with_nothing(shape):
    assert assign(np.zeros(shape)) == []


def test_what_is_not_a_matrix_is_refused():
    with pytest.raises(ValueError, match="matrix"):
        assign(np.zeros(3))
