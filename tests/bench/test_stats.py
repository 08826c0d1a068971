from __future__ import annotations

import itertools
import math
import statistics
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import stats

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

times = st.lists(st.floats(min_value=1e-9, max_value=1e3), min_size=stats.MIN_PROCESSES, max_size=40)
whole = st.lists(st.integers(min_value=1, max_value=10**9), min_size=stats.MIN_PROCESSES, max_size=40)


def _interval(values: Sequence[float]) -> tuple[float, float]:
    found = stats.median_interval(values)
    assert found is not None
    return found


def _coverage(n: int, low: int, high: int) -> float:
    """The chance that the median lies between the order statistics of these ranks, counted from 1."""
    return sum(math.comb(n, below) for below in range(low, high)) / 2**n


@pytest.mark.parametrize("n", range(6, 61))
def test_the_interval_covers_the_median_with_95_percent_and_is_the_tightest_that_does(n: int) -> None:
    low, high = (int(end) for end in _interval(range(1, n + 1)))
    assert low + high == n + 1
    assert _coverage(n, low, high) >= 0.95
    assert _coverage(n, low + 1, high - 1) < 0.95


@pytest.mark.parametrize("n", range(6))
def test_fewer_than_six_values_carry_no_interval(n: int) -> None:
    values = [float(i) for i in range(1, n + 1)]
    assert stats.median_interval(values) is None
    assert stats.relative_half_width(values) is None


@pytest.mark.parametrize("n", [100, 1_000, 2_000])
def test_the_interval_narrows_like_the_root_of_the_sample(n: int) -> None:
    low, high = _interval(range(1, n + 1))
    assert high - low == pytest.approx(1.96 * math.sqrt(n), abs=3)


@pytest.mark.parametrize(("one", "other"), [(6, 6), (6, 7), (7, 7)])
def test_of_all_orders_of_two_samples_of_one_distribution_the_ratios_interval_holds_1_in_95_percent(one: int, other: int) -> None:
    values, held, orders = [float(2**i) for i in range(one + other)], 0, 0
    for chosen in itertools.combinations(range(one + other), one):
        before = [values[i] for i in chosen]
        found = stats.ratio_interval(before, [value for value in values if value not in before])
        assert found is not None
        held, orders = held + (found[0] <= 1 <= found[1]), orders + 1
    assert orders == math.comb(one + other, one)
    assert 0.95 <= held / orders < 0.97  # the next narrower interval of 6 and 6 would hold it in 94 %


def test_its_rank_is_that_of_the_table_of_mann_and_whitney() -> None:
    # Critical values of U at 5 %, two-sided; the interval begins at the ratio after as many.
    for sizes, critical in {(6, 6): 5, (6, 8): 8, (8, 8): 13, (10, 10): 23, (12, 7): 18, (20, 20): 127}.items():
        before, after = [1.0] * sizes[0], [float(i) for i in range(1, sizes[1] + 1)]
        ratios = sorted(after * sizes[0])
        found = stats.ratio_interval(before, after)
        assert found == (ratios[critical], ratios[-critical - 1])


@given(times, times)
def test_the_ratios_interval_holds_the_ratio_of_the_medians_and_turns_round_with_the_samples(
    before: list[float], after: list[float]
) -> None:
    found, turned = stats.ratio_interval(before, after), stats.ratio_interval(after, before)
    assert found is not None
    assert turned is not None
    assert found[0] <= stats.median(after) / stats.median(before) <= found[1]
    assert turned == (pytest.approx(1 / found[1]), pytest.approx(1 / found[0]))


@pytest.mark.parametrize(("before", "after"), [((1.0,) * 5, (1.0,) * 30), ((1.0,) * 6, (0.0,) * 6)])
def test_too_few_values_or_a_zero_have_no_interval_of_a_ratio(before: Sequence[float], after: Sequence[float]) -> None:
    assert stats.ratio_interval(before, after) is None


@given(times)
def test_the_interval_holds_the_median_and_lies_in_the_sample(values: list[float]) -> None:
    low, high = _interval(values)
    assert min(values) <= low <= stats.median(values) <= high <= max(values)
    assert {low, high} <= set(values)


@given(times, st.randoms(use_true_random=False))
def test_the_order_of_the_values_does_not_matter(values: list[float], shuffler: random.Random) -> None:
    shuffled = shuffler.sample(values, len(values))
    assert stats.median_interval(shuffled) == stats.median_interval(values)
    assert stats.median(shuffled) == stats.median(values)


@given(whole, st.integers(min_value=1, max_value=1000), st.integers(min_value=0, max_value=10**9))
def test_the_interval_scales_and_shifts_with_the_values(values: list[int], scale: int, shift: int) -> None:
    low, high = _interval(values)
    moved = [value * scale + shift for value in values]
    assert _interval(moved) == (low * scale + shift, high * scale + shift)
    assert stats.median(moved) == stats.median(values) * scale + shift


@given(times, st.data())
def test_a_process_that_took_twice_as_long_moves_nothing_by_more_than_one_order_statistic(
    values: list[float], data: st.DataObject
) -> None:
    victim = data.draw(st.integers(min_value=0, max_value=len(values) - 1))
    burst = [2 * value if index == victim else value for index, value in enumerate(values)]
    raised = [*sorted(values)[1:], math.inf]  # every order statistic, one rank further up
    for before, after, limit in zip(sorted(values), sorted(burst), raised, strict=True):
        assert before <= after <= limit
    assert stats.median(values) <= stats.median(burst) <= stats.median(raised)
    for before, after, limit in zip(_interval(values), _interval(burst), _interval(raised), strict=True):
        assert before <= after <= limit


@given(times, st.floats(min_value=0, max_value=1))
def test_a_quantile_is_the_one_of_numpy(values: list[float], q: float) -> None:
    assert stats.quantile(values, q) == pytest.approx(float(np.quantile(values, q)), rel=1e-12)
    assert stats.median(values) == pytest.approx(statistics.median(values), rel=1e-15)


@given(st.floats(min_value=1e-9, max_value=1e3), st.floats(min_value=0, max_value=1))
def test_equal_values_give_exactly_that_value(value: float, q: float) -> None:
    assert stats.quantile([value] * 7, q) == value


def test_a_quantile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no values"):
        stats.median([])


@pytest.mark.parametrize(("q", "needed"), stats.PERCENTILE_SAMPLES.items())
def test_a_percentile_is_given_as_soon_as_the_maximum_bounds_it(q: float, needed: int) -> None:
    assert q**needed <= 0.05 < q ** (needed - 1)
    values = [float(i) for i in range(needed)]
    assert stats.supported_percentile(values[:-1], q) is None
    assert stats.supported_percentile(values, q) == pytest.approx(q * (needed - 1))


def test_the_half_width_is_relative_to_the_median() -> None:
    assert stats.relative_half_width([9.0, 10.0, 10.0, 10.0, 10.0, 13.0]) == pytest.approx(0.2)
    assert stats.relative_half_width([0.0] * 6) is None
    assert stats.relative_half_width([]) is None


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], False),
        ([10.0] * 9, False),
        ([10.0] * 10, True),
        ([99.0] * 5 + [10.0] * 5, False),
        ([99.0] * 5 + [10.0] * 10, True),
        ([100.0] * 5 + [98.1] * 5, True),
        ([100.0] * 5 + [98.0] * 5, False),
        ([100.0] * 5 + [102.1] * 5, False),
        ([100.0, 900.0, 100.0, 100.0, 100.0] * 2, True),
        ([100.0, 120.0, 95.0, 110.0, 104.0, 101.0, 98.0, 112.0, 109.0, 115.0], True),  # 5 % apart, and so are all of them
        ([100.0, 120.0, 95.0, 110.0, 104.0, 90.0, 98.0, 99.0, 109.0, 99.0], False),  # the middle half has not been there yet
        ([100.0, 90.0, 80.0, 70.0, 60.0, 59.0, 58.0, 57.0, 56.0, 55.0], False),  # still falling
        ([55.0, 56.0, 57.0, 58.0, 59.0, 60.0, 70.0, 80.0, 90.0, 100.0], False),  # rising
    ],
)
def test_settled_compares_the_last_two_groups(samples: list[float], *, expected: bool) -> None:
    assert stats.settled(samples) is expected


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_newcombes_table(hits: int, trials: int, low: float, high: float) -> None:
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3.
    assert stats.wilson(hits, trials) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 60_000).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilsons_interval_holds_the_share_within_0_and_1_and_is_the_same_from_either_end(drawn: tuple[int, int]) -> None:
    hits, trials = drawn
    low, high = stats.wilson(hits, trials)
    assert 0.0 <= low <= hits / trials <= high <= 1.0
    assert (low == 0.0) == (hits == 0)
    assert (high == 1.0) == (hits == trials)
    assert stats.wilson(trials - hits, trials) == pytest.approx((1.0 - high, 1.0 - low), abs=1e-12)
    wider = stats.wilson(hits, trials, 0.99)
    assert wider[0] <= low
    assert high <= wider[1]


def test_wilsons_interval_covers_the_share_in_95_percent_on_average() -> None:
    trials = 40
    ends = [stats.wilson(hits, trials) for hits in range(trials + 1)]
    shares = np.linspace(0.005, 0.995, 199)
    covered = [
        sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k, (low, high) in enumerate(ends) if low <= p <= high)
        for p in shares
    ]
    assert statistics.mean(covered) == pytest.approx(0.95, abs=0.01)
    assert min(covered) > 0.8


def test_the_paired_interval_is_that_of_a_published_example() -> None:
    # Bentur et al., 21 children before and after; the interval as in Fagerland, Lydersen and Laake (2014), Bonett and Price.
    assert stats.paired_shares(7, 1, 21) == pytest.approx((-0.508, -0.013), abs=5e-4)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 1000))
def test_the_paired_interval_turns_its_sign_with_its_sides(lost: int, won: int, agreed: int) -> None:
    low, high = stats.paired_shares(lost, won, lost + won + agreed)
    assert -1.0 <= low < high <= 1.0
    other = stats.paired_shares(won, lost, lost + won + agreed)
    assert (low, high) == pytest.approx((-other[1], -other[0]))


def test_the_paired_interval_covers_no_difference_in_95_percent_of_all_ways_to_fall() -> None:
    trials = 60
    chances = {  # each draw is lost with one in ten, and won with one in ten
        (lost, won): math.comb(trials, lost) * math.comb(trials - lost, won) * 0.1 ** (lost + won) * 0.8 ** (trials - lost - won)
        for lost in range(trials + 1)
        for won in range(trials + 1 - lost)
    }
    held = sum(
        chance
        for (lost, won), chance in chances.items()
        if stats.paired_shares(lost, won, trials)[0] <= 0.0 <= stats.paired_shares(lost, won, trials)[1]
    )
    assert sum(chances.values()) == pytest.approx(1.0)
    assert held == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("one", "other", "trials"), [(-1, 0, 3), (2, 2, 3), (0, 0, 0)])
def test_counts_that_cannot_be_are_refused(one: int, other: int, trials: int) -> None:
    with pytest.raises(ValueError, match=r"of \d trials"):
        stats.paired_shares(one, other, trials)
    with pytest.raises(ValueError, match="trials"):
        stats.wilson(trials + 1, trials)
