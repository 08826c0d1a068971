"""Many series: one level for all of them, no test that could not fire, and what a change is."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from vbench import scan as scans
from vbench.scan import Rule, scan

LEVELS = st.sampled_from([0.001, 0.01, 0.05])


def noise(n: int, seed: int = 0, spread: float = 0.01) -> Any:
    return np.exp(spread * np.random.default_rng(seed).standard_normal(n))


def quiet(many: int, n: int, seed: int = 100) -> dict[str, Any]:
    return {f"quiet {i}": noise(n, seed + i) for i in range(many)}


def step(before: int, after: int, by: float = 0.05, seed: int = 0) -> Any:
    values = noise(before + after, seed)
    values[before:] *= 1 + by
    return values


@given(st.integers(1, 5000), LEVELS)
def test_the_fewest_points_are_those_that_could_be_called_changed_alone(tests: int, level: float) -> None:
    def smallest(n: int) -> float:
        return max(2 / math.comb(n, n // 2), (n - 4) ** -math.ceil(n / 5))

    n = scans.fewest(tests, level)
    assert smallest(n) <= level / tests
    assert n == 6 or smallest(n - 1) > level / tests


@given(st.integers(1, 5000), st.integers(1, 50), LEVELS)
def test_chance_is_drawn_so_often_that_the_smallest_p_is_below_the_level(tests: int, alike: int, level: float) -> None:
    many = scans.draws(tests, level, min(alike, tests))
    assert 1 / (many + 1) < level * min(alike, tests) / tests
    assert 2 / (many + 1) <= level * min(alike, tests) / tests  # one draw as strong by chance does not decide


@given(st.lists(st.integers(1, 60), max_size=80))
def test_the_plan_tests_as_many_series_as_are_long_enough_for_so_many(lengths: list[int]) -> None:
    many = scans.plan(lengths, 0.01)
    ordered = sorted(lengths, reverse=True)
    assert all(n >= scans.fewest(many, 0.01) for n in ordered[:many])
    assert all(sum(n >= scans.fewest(more, 0.01) for n in lengths) < more for more in range(many + 1, len(lengths) + 1))


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=30), st.integers(0, 50))
def test_p_is_adjusted_as_benjamini_and_hochberg_say(ps: list[float], untested: int) -> None:
    found = scans.adjusted(ps, len(ps) + untested)
    assert found == pytest.approx(false_discovery_control([*ps, *[1.0] * untested])[: len(ps)])


def test_a_short_series_is_refused_however_clear_it_is_and_says_what_it_needs() -> None:
    clear = np.array([1.0] * 8 + [2.0] * 7)
    found = scan({"short": clear} | quiet(59, 30))
    needed = scans.fewest(59, 0.01)
    assert needed > len(clear)
    assert (found["short"].changes, found["short"].needed) == ((), needed)
    assert all(found[key].needed == 0 for key in found if key != "short")
    alone = scan({"short": clear})["short"]
    assert alone.needed == 0
    assert [change.place for change in alone.changes] == [8]


def test_a_step_is_found_among_sixty_series_with_its_size_and_an_adjusted_p() -> None:
    found = scan({"step": step(40, 20, seed=1)} | quiet(59, 60))
    (change,) = found.pop("step").changes
    assert change.place == 40
    assert change.first <= 40 <= change.last
    assert change.relative == pytest.approx(0.05, abs=0.01)
    assert 0 < change.p <= 0.01
    assert not any(other.changes for other in found.values())


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(3, 30), st.floats(0.03, 2.0), st.booleans())
def test_an_obvious_step_is_found_where_it_is_and_nothing_else(seed: int, after: int, size: float, up: bool) -> None:  # noqa: FBT001 - drawn
    values = noise(40 + after, seed, spread=0.0005)
    values[40:] *= 1 + size if up else 1 / (1 + size)
    found = scan({"one": values})["one"].changes
    # Soon after it a few runs may yet look like noise whose neighbours are alike.
    assert [change.place for change in found] == [40] or (after < 15 and not found)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(20, 70), st.lists(st.tuples(st.integers(0, 70), st.floats(0.7, 1.4)), max_size=4))
def test_a_change_has_three_points_on_either_side_and_is_large_enough(seed: int, n: int, turns: Any) -> None:
    values = noise(n, seed)
    for place, factor in turns:
        values[place:] *= factor
    found = scan({"one": values})["one"]
    bounds = [0, *(change.place for change in found.changes), n]
    assert all(stop - start >= 3 for start, stop in itertools.pairwise(bounds))
    for change, start, stop in zip(found.changes, bounds, bounds[2:], strict=False):
        assert change.first <= change.place <= change.last
        assert (change.before, change.after) == (
            np.median(values[start : change.place]),
            np.median(values[change.place : stop]),
        )
        assert abs(change.relative or 0) >= 0.02 * (1 - 1e-6)
        assert abs(change.after - change.before) >= 3 * change.error * (1 - 1e-6)
        assert 0 < change.p <= 0.01


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from([1e-9, 3.0, 1e12]))
def test_the_unit_does_not_matter(seed: int, factor: float) -> None:
    values = step(30, 20, by=0.04, seed=seed)
    first, second = (scan({"one": v})["one"] for v in (values, values * factor))
    assert [(c.place, c.first, c.last, c.p) for c in first.changes] == [(c.place, c.first, c.last, c.p) for c in second.changes]
    assert first.far == second.far


def test_a_level_that_changed_and_changed_back_is_two_changes() -> None:
    values = noise(120, 4)
    values[50:75] *= 1.05
    found = scan({"bump": values} | quiet(9, 120))["bump"]
    assert [change.place for change in found.changes] == [50, 75]
    assert [round(change.relative or 0, 2) for change in found.changes] == [0.05, -0.05]


@pytest.mark.parametrize("places", [(59,), (30,), (58, 59), (20, 40)])
def test_one_or_two_points_far_off_are_no_change(places: tuple[int, ...]) -> None:
    values = noise(60, 8)
    values[list(places)] *= 1.3
    found = scan({"one": values})["one"]
    assert found.changes == ()
    assert found.far == places


def test_noise_and_constants_do_not_change() -> None:
    series = quiet(60, 50) | {"constant": np.ones(50), "two values": np.tile([1.0, 1.001], 25)}
    assert not any(found.changes for found in scan(series).values())


def test_a_change_below_the_least_is_none_and_the_least_can_be_set() -> None:
    values = step(60, 60, by=0.015)
    assert scan({"one": values})["one"].changes == ()
    (change,) = scan({"one": values}, Rule(least=0.01))["one"].changes
    assert abs(change.place - 60) <= 2


def test_nothing_depends_on_the_order_of_the_series_or_on_an_earlier_scan() -> None:
    series = {f"step {i}": step(30, 8 + i, by=0.03, seed=i) for i in range(6)} | quiet(10, 40)
    first = scan(series)
    assert scan(dict(reversed(series.items()))) == first
    assert any(found.changes for found in first.values())


def test_pieces_are_what_lies_between_changes() -> None:
    change = scan({"one": step(40, 20, seed=1)})["one"].changes
    assert scans.pieces(60, change) == [(0, 40), (40, 60)]
    assert scans.pieces(5, ()) == [(0, 5)]


def test_nothing_to_scan_is_no_trouble() -> None:
    assert scan({}) == {}
    found = scan({"one": [1.0], "none": []})
    assert [one.needed for one in found.values()] == [11, 11]
