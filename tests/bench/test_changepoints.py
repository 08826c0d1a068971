"""One series: the strongest split, how improbable it is, and what it does not depend on."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vbench import changepoints, levels
from vbench.changepoints import BLOCK, WINDOW, Split
from vbench.levels import LEAST

DISTINCT = st.lists(st.integers(-1000, 1000), min_size=6, max_size=70, unique=True).map(lambda v: np.array(v, dtype=float))
ANY = st.lists(st.integers(-5, 5), min_size=6, max_size=50).map(lambda v: np.array(v, dtype=float))


def noise(n: int, seed: int = 0, spread: float = 0.01) -> Any:
    return np.exp(spread * np.random.default_rng(seed).standard_normal(n))


def step(before: int, after: int, by: float = 0.05, seed: int = 0, spread: float = 0.01) -> Any:
    values = noise(before + after, seed, spread)
    values[before:] *= 1 + by
    return values


def strongest_by_hand(values: Any) -> float:
    """Every window and every place, one at a time."""
    n, ranks = len(values), stats.rankdata(values)
    lengths = [n]
    while (length := 2 * math.ceil(n / 2 ** (len(lengths) + 1))) >= WINDOW:
        lengths.append(length)
    best = 0.0
    for length in lengths:
        for start in range(n - length, -1, -max(1, length // 2)):
            window = ranks[start : start + length] * length / n
            for k in range(LEAST, length - LEAST + 1):
                share = abs(window[:k].mean() - window[k:].mean()) / (length / 2)
                usual = 1.5 * k * (length - k) / (length + 1)
                orders = math.log(math.comb(length, k) / 2)
                best = max(best, usual * share**2 + max(orders - usual, 0.0) * share**4)
    return best


@given(st.one_of(DISTINCT, ANY))
def test_the_strongest_split_is_that_of_all_windows_and_places(values: Any) -> None:
    assert changepoints._strongest(levels.midranks(values)[None])[0] == pytest.approx(strongest_by_hand(values), rel=1e-4)


@given(DISTINCT)
def test_nothing_depends_on_the_scale_or_on_any_monotone_change_of_it(values: Any) -> None:
    found = changepoints.split(values)
    for other in (values * 1e-9, values**3, np.arctan(values / 100), 7 - 2 * values):
        again = changepoints.split(other)
        assert again[:3] == found[:3]
        assert again[3:] == pytest.approx(found[3:])
        assert changepoints.blocks_p(other, again, 500, (1,)) == changepoints.blocks_p(values, found, 500, (1,))


@given(st.one_of(DISTINCT, ANY))
def test_a_place_leaves_three_points_on_either_side_within_its_window(values: Any) -> None:
    found = changepoints.split(values)
    assert 0 <= found.start <= found.place - LEAST
    assert found.place <= found.stop - LEAST
    assert found.stop <= len(values)
    assert 0 <= found.damped <= found.strength * (1 + 1e-9)
    place = levels.locate(values, found.place)
    assert LEAST <= place.first <= place.place <= place.last <= len(values) - LEAST


@given(st.integers(3, 40), st.integers(3, 40), st.booleans())
def test_what_lies_apart_is_as_strong_as_there_are_orders_and_located_where_it_is(before: int, after: int, up: bool) -> None:  # noqa: FBT001 - drawn
    values = noise(before + after, seed=before * 100 + after)
    values[before:] *= 2.0 if up else 0.5
    shares, _ = changepoints._windows(levels.midranks(values), len(values))
    strength = changepoints._strengths(shares, len(values))[0][before - LEAST]
    assert strength == pytest.approx(math.log(math.comb(before + after, after) / 2))
    assert levels.locate(values, changepoints.split(values).place) == (before, before, before)


def test_a_constant_has_no_split() -> None:
    found = changepoints.split(np.full(40, 3.0))
    assert (found.strength, found.damped) == (0.0, 0.0)
    assert changepoints.points_p(40, found, 1999) == 1.0
    assert changepoints.blocks_p(np.full(40, 3.0), found, 1999, (1,)) == 1.0


def test_the_chance_of_points_is_that_of_all_their_orders() -> None:
    orders = np.array(list(itertools.permutations(range(7))), dtype=float) - 3.0
    all_of_them = changepoints._strongest(orders)
    # Where one draw more or less would decide, the share of two thousand says little: take levels in between.
    for level in np.unique(all_of_them)[:-1:25]:
        strength = float(level) * 1.0001
        exact = float(np.mean(all_of_them >= strength))
        found = Split(3, 0, 7, strength, strength)
        draws = changepoints._orders(7)
        drawn = np.concatenate([draws.chunk(number) for number in range(4)])
        assert np.mean(drawn >= strength) == pytest.approx(exact, abs=4 * math.sqrt(0.25 / len(drawn)))
        assert changepoints.points_p(7, found, 999) == pytest.approx(exact, abs=0.07)


def test_chance_is_asked_no_longer_than_it_takes_to_see_that_this_is_no_change() -> None:
    asked: list[int] = []

    def chunk(number: int) -> Any:
        asked.append(number)
        return np.arange(1000.0)

    assert changepoints._p(chunk, 990.0, 10**9) == pytest.approx(21 / 2001)  # ten of each thousand are as strong
    assert asked == [0, 1]
    assert changepoints._p(chunk, 5000.0, 3000) == 1 / 3001


def test_the_same_question_has_the_same_answer_whatever_was_asked_before() -> None:
    values = step(30, 8, by=0.02)
    found = changepoints.split(values)
    first = changepoints.points_p(38, found, 4000), changepoints.blocks_p(values, found, 4000, (5,))
    changepoints._orders.cache_clear()
    changepoints.points_p(38, found._replace(damped=1e9), 9000)
    assert (changepoints.points_p(38, found, 4000), changepoints.blocks_p(values, found, 4000, (5,))) == first


def test_a_step_is_improbable_and_noise_is_not() -> None:
    values = step(40, 20)
    found = changepoints.split(values)
    assert abs(found.place - 40) <= 1
    assert changepoints.points_p(60, found, 9999) < 0.001
    assert changepoints.blocks_p(values, found, 9999, (1,)) < 0.001
    still = noise(60, seed=3)
    assert changepoints.points_p(60, changepoints.split(still), 9999) > 0.05


def test_blocks_keep_together_what_lies_together() -> None:
    thrice = np.repeat(noise(25, seed=5), 3)
    found = changepoints.split(thrice)
    alone = changepoints.points_p(75, found._replace(damped=found.strength), 1999)
    assert changepoints.blocks_p(thrice, found, 1999, (1,)) > 3 * alone
    assert changepoints.points_p(75, found, 1999) > 3 * alone  # what neighbours have in common is taken out before


def test_long_series_share_their_draws_with_longer_ones_of_an_eighth_of_an_octave() -> None:
    assert [changepoints._length(n) for n in (6, 100, 128)] == [6, 100, 128]
    lengths = {changepoints._length(n) for n in range(129, 257)}
    assert len(lengths) == 8
    assert all(n <= changepoints._length(n) <= math.ceil(n * 2**0.125) for n in range(129, 600))


def test_blocks_are_of_five() -> None:
    # The design's own numbers: whoever changes them changes what docs/history.md says.
    assert (BLOCK, LEAST, levels.ERRORS) == (5, 3, 3.0)
