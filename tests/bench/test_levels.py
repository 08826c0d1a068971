"""Levels: how wide chance makes a shift of medians, which shift counts, and what is far off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vbench import levels
from vbench.levels import LEAST

ANY = st.lists(st.integers(-5, 5), min_size=6, max_size=50).map(lambda v: np.array(v, dtype=float))


def noise(n: int, seed: int = 0) -> Any:
    return np.exp(0.01 * np.random.default_rng(seed).standard_normal(n))


def step(before: int, after: int, by: float) -> Any:
    values = noise(before + after)
    values[before:] *= 1 + by
    return values


@given(ANY)
def test_ranks_are_midranks_about_zero(values: Any) -> None:
    assert levels.midranks(values).tolist() == (stats.rankdata(values) - (len(values) + 1) / 2).tolist()


def test_neighbours_that_are_alike_widen_and_others_do_not() -> None:
    chance = np.random.default_rng(0)
    alike = np.convolve(chance.standard_normal(200), np.ones(4), "valid")
    assert levels.inflation(alike, 100) > 1.8
    assert levels.inflation(np.tile([1.0, 2.0], 50) + chance.normal(0, 0.1, 100), 50) == 1.0
    # A change of level is taken out before: it is not what neighbours have in common.
    assert levels.inflation(step(100, 100, by=1.0), 100) < 1.3
    assert levels.inflation(np.full(20, 1.0), 10) == 1.0


@pytest.mark.parametrize(("after", "matters"), [(1.019, False), (1.021, True), (0.979, True), (0.981, False), (1.0, False)])
def test_a_shift_counts_from_two_percent_of_the_level_before_on(after: float, matters: bool) -> None:  # noqa: FBT001 - a case
    assert levels.Shift(1.0, after, 0.0).matters(0.02) is matters
    assert levels.Shift(-1.0, -after, 0.0).matters(0.02) is matters


def test_a_shift_counts_from_three_errors_on() -> None:
    assert levels.Shift(1.0, 1.1, 0.0333).matters(0.02)
    assert not levels.Shift(1.0, 1.1, 0.034).matters(0.02)


def test_the_error_of_a_shift_is_that_of_two_medians() -> None:
    differences = []
    errors = []
    for seed in range(300):
        found = levels.shift(noise(60, seed), 40)
        differences.append(found.after - found.before)
        errors.append(found.error)
    # Never too small on the average, and with the correction for neighbours a fifth too large at most.
    assert 1.0 < np.median(errors) / np.std(differences) < 1.25


def test_a_point_far_off_is_found_beside_its_own_level() -> None:
    values = step(30, 30, by=0.2)
    values[10] *= 1.15  # as high as the second level, and far off for the first
    assert levels.far_off(values, (30,), 0.02) == (10,)
    assert levels.far_off(values[:7], (), 0.02) == ()
    level = np.ones(20)
    level[4], level[9] = 1.019, 1.021
    assert levels.far_off(level, (), 0.02) == (9,)


@given(ANY, st.integers(0, 60))
def test_a_place_has_three_points_on_either_side_and_lies_within_its_doubt(values: Any, near: int) -> None:
    place = levels.locate(values, near % (len(values) - 2 * LEAST + 1) + LEAST)
    assert LEAST <= place.first <= place.place <= place.last <= len(values) - LEAST


def test_a_place_is_looked_for_around_the_split_and_doubted_where_a_neighbour_fits_as_well() -> None:
    assert levels.locate(step(30, 30, by=1.0), 26) == (30, 30, 30)
    values = np.repeat([1.0, 2.0], 10) + np.tile([-0.1, 0.1], 10)
    assert levels.locate(values, 10) == (10, 10, 10)
    values[10] = 1.5  # between both levels
    assert levels.locate(values, 10)[1:] == (10, 11)
