from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from campaign import chance
from hypothesis import given
from hypothesis import strategies as st

from vbench import stats


@given(trials=st.integers(0, 400), share=st.floats(0, 1))
def test_wilson_lies_inside_the_unit_interval_and_holds_the_share(trials: int, share: float) -> None:
    successes = round(share * trials)
    low, high = chance.wilson(successes, trials)
    assert 0.0 <= low < high <= 1.0
    assert trials == 0 or low <= successes / trials <= high


@given(trials=st.integers(1, 60), share=st.floats(0, 1), times=st.integers(2, 20))
def test_wilson_shrinks_with_more_trials_of_the_same_share(trials: int, share: float, times: int) -> None:
    successes = round(share * trials)
    few, many = chance.wilson(successes, trials), chance.wilson(times * successes, times * trials)
    assert many[1] - many[0] < few[1] - few[0]


def test_wilson_is_the_textbook_formula() -> None:
    z, share, n = NormalDist().inv_cdf(0.975), 57 / 60, 60
    centre, margin = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    expected = ((centre - margin) / (1 + z * z / n), (centre + margin) / (1 + z * z / n))
    assert chance.wilson(57, 60) == pytest.approx(expected)


@pytest.mark.parametrize(("value", "inside"), [(1.0, True), (2.0, True), (1.5, True), (0.999, False), (2.001, False)])
def test_an_interval_holds_its_ends(value: float, *, inside: bool) -> None:
    assert chance.holds((1.0, 2.0), value) is inside
    assert not chance.holds(None, value)


def test_disjoint_intervals_have_nothing_in_common_not_even_an_end() -> None:
    assert chance.disjoint((1.0, 2.0), (2.1, 3.0))
    assert chance.disjoint((2.1, 3.0), (1.0, 2.0))
    assert not chance.disjoint((1.0, 2.0), (2.0, 3.0))
    assert not chance.disjoint((1.0, 4.0), (2.0, 3.0))


def test_a_repetition_is_not_judged_by_itself() -> None:
    assert chance.without([[1.0, 2.0], [3.0], [4.0, 5.0]], 1) == [1.0, 2.0, 4.0, 5.0]


def test_the_quantiles_are_those_of_the_order_statistics() -> None:
    assert chance.quantiles(5) is None
    assert chance.quantiles(6) == (1 / 7, 6 / 7)
    assert chance.quantiles(9) == (2 / 10, 8 / 10)


def test_processes_that_agree_need_no_more_than_the_fewest() -> None:
    assert chance.processes_needed([3.0] * 20, 0.02) == stats.MIN_PROCESSES


def test_what_is_needed_is_estimated_from_a_normal_spread_as_theory_has_it() -> None:
    spread = NormalDist(1.0, 0.05)
    values = [spread.inv_cdf((i + 0.5) / 2000) for i in range(2000)]
    needed = chance.processes_needed(values, 0.02)
    # The standard error of a median is 1.2533 times that of a mean; the order statistics are discrete, and a little wider.
    theory = (1.96 * 1.2533 * 0.05 / 0.02) ** 2
    assert needed is not None
    assert 0.9 * theory < needed < 1.3 * theory


def test_too_few_values_know_no_spread_and_a_wide_one_no_end() -> None:
    assert chance.processes_needed([1.0, 2.0] * 5, 0.02) is None
    assert chance.processes_needed([1.0, 2.0] * 10, 0.02, most=50) is None


@given(st.lists(st.floats(0.5, 2.0), min_size=12, max_size=40), st.sampled_from([0.25, 2.0, 1024.0]))
def test_what_is_needed_does_not_depend_on_unit_or_order_and_grows_with_precision(values: list[float], factor: float) -> None:
    needed = chance.processes_needed(values, 0.2, most=80)
    assert chance.processes_needed([factor * value for value in reversed(values)], 0.2, most=80) == needed
    narrower = chance.processes_needed(values, 0.1, most=80)
    assert narrower is None or (needed is not None and needed <= narrower)
