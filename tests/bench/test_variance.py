from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from vbench import variance
from vbench.variance import Components

if TYPE_CHECKING:
    import random

positive = st.floats(min_value=1e-6, max_value=1e3)
many = st.lists(positive, min_size=10, max_size=60)


def _noise(seed: int, count: int, spread: float, middle: float = 0.02) -> list[float]:
    return [float(v) for v in middle * np.exp(np.random.default_rng(seed).normal(0, spread, count))]


def test_spreads_are_relative_and_robust_where_they_say_so() -> None:
    assert variance.relative_deviation([9.0, 10.0, 11.0]) == pytest.approx(0.1)
    assert variance.relative_deviation([5.0]) == 0.0
    assert variance.relative_deviation([]) == 0.0
    assert variance.quartile_spread([8.0, 9.0, 10.0, 11.0, 12.0]) == pytest.approx(0.2)
    calm, burst = [10.0, 10.1, 9.9, 10.0, 10.1], [10.0, 10.1, 9.9, 10.0, 99.0]
    assert variance.scatter(burst) == pytest.approx(variance.scatter(calm), abs=0.1)


def test_a_trend_is_seen_in_either_direction_and_not_in_noise() -> None:
    rising = [v * (1 + 0.002 * i) for i, v in enumerate(_noise(0, 60, 0.01))]
    assert variance.trend(rising)
    assert variance.trend(rising[::-1])
    assert sum(variance.trend(_noise(seed, 60, 0.05)) for seed in range(200)) <= 2  # one in a thousand, by its own rule
    assert not variance.trend([1.0] * 30)
    assert not variance.trend(rising[:5])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=5, max_size=30))
def test_the_rank_correlation_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    one, other = ([float(v) for v in side] for side in zip(*pairs, strict=True))
    if len(set(one)) == 1 or len(set(other)) == 1:
        return
    expected = spearmanr(one, other)
    rho = variance.correlation(one, other)
    assert rho == pytest.approx(float(expected.statistic), abs=1e-9)
    assert variance.by_chance(rho, len(one)) == pytest.approx(float(expected.pvalue), abs=1e-6)


def test_two_groups_are_seen_where_they_lie_apart() -> None:
    fast, slow = _noise(1, 30, 0.01, 0.010), _noise(2, 30, 0.01, 0.014)
    assert variance.two_groups(fast + slow)
    assert not variance.two_groups(fast)
    assert not variance.two_groups(fast + slow[:3]), "a few outliers are no second group"
    assert not variance.two_groups(fast + [v * 1.03 for v in _noise(3, 30, 0.005, 0.010)]), "three hundredths apart is no matter"
    assert not any(variance.two_groups(_noise(seed, 60, 0.3)) for seed in range(30)), "a wide group is one group"


@given(many, st.randoms(use_true_random=False), st.floats(min_value=1e-3, max_value=1e3))
def test_groups_do_not_depend_on_order_or_unit(values: list[float], shuffler: random.Random, scale: float) -> None:
    expected = variance.two_groups(values)
    assert variance.two_groups(shuffler.sample(values, len(values))) == expected
    if expected:
        assert variance.two_groups([v * scale for v in values])


@pytest.mark.parametrize(("within", "between"), [(0.002, 0.05), (0.05, 0.05), (0.03, 0.01)])
def test_the_components_are_those_that_made_the_samples(within: float, between: float) -> None:
    source = np.random.default_rng(5)
    processes = [list(0.01 * np.exp(source.normal(0, between) + source.normal(0, within, 50))) for _ in range(400)]
    found = variance.components(processes)
    assert found is not None
    assert math.sqrt(found.within) == pytest.approx(within, rel=0.1)
    assert math.sqrt(found.between) == pytest.approx(between, rel=0.15)


def test_two_processes_have_no_components() -> None:
    assert variance.components([[1.0, 1.1], [1.0, 1.2]]) is None
    assert variance.components([[1.0], [1.0], [1.0]]) is None


def test_the_number_of_samples_is_the_one_that_costs_least() -> None:
    found, start, sample = Components(within=0.03**2, between=0.02**2), 0.5, 0.015

    def cost(m: int) -> float:
        """Time for an interval of a given width: processes needed, times what each takes."""
        return (found.between + math.pi / 2 * found.within / m) * (start + m * sample)

    best = variance.samples_per_process(found, start, sample, 1, 1000)
    assert all(cost(best) <= cost(m) * 1.001 for m in range(1, 1000))


@given(st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=1), st.floats(min_value=0, max_value=100), positive)
def test_the_number_of_samples_stays_in_its_bounds(within: float, between: float, start: float, sample: float) -> None:
    found = Components(within, between)
    assert 10 <= variance.samples_per_process(found, start, sample, 10, 100) <= 100
    longer = variance.samples_per_process(found, start, 2 * sample, 10, 100)
    assert longer <= variance.samples_per_process(found, start, sample, 10, 100)


def test_a_slow_change_is_half_of_what_lies_between_the_halves() -> None:
    assert variance.halves([1.0] * 10 + [1.04] * 10) == pytest.approx(math.log(1.04) / 2)
    assert variance.halves([1.0] * 20) == 0.0
    assert variance.halves([1.0, 2.0]) == 0.0
    # Noise alone shows next to nothing: a tenth of its own spread at the most, on the average.
    found = [variance.halves(_noise(seed, 60, 0.05)) for seed in range(100)]
    assert statistics.mean(found) < 0.005


def test_how_far_runs_lie_apart_needs_five_of_them() -> None:
    assert variance.between_runs([1.0, 1.1, 0.9, 1.0]) is None
    wide = variance.between_runs([1.0, 1.1, 0.9, 1.0, 1.05, 0.95])
    assert wide is not None
    less = variance.between_runs([1.0, 1.1, 0.9, 1.0, 1.05, 0.95], noise=0.05)
    assert less is not None
    assert 0 < less < wide
    assert variance.between_runs([1.0] * 6, noise=0.05) == 0.0
    disturbed = variance.between_runs([1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.01, 2.0])
    assert disturbed is not None
    assert disturbed < 0.1, "one run beside a neighbour must not widen the intervals of the next twenty"


@given(
    positive, st.floats(min_value=1.0, max_value=10), st.floats(min_value=1.0, max_value=10), st.floats(min_value=0, max_value=2)
)
def test_a_widened_interval_holds_the_one_before_and_stays_positive(middle: float, down: float, up: float, more: float) -> None:
    low, high = middle / down, middle * up
    wide = variance.widened(middle, (low, high), more)
    assert 0 < wide[0] <= low <= middle <= high <= wide[1]
    assert variance.widened(middle, (low, high), 0.0) == pytest.approx((low, high))
    doubled = variance.widened(2 * middle, (2 * low, 2 * high), more)
    assert doubled == pytest.approx((2 * wide[0], 2 * wide[1]))
    assert variance.widened(0.0, (0.0, 1.0), 0.5) == (0.0, 1.0)
