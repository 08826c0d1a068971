from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import effort, stats
from vbench.config import Settings
from vbench.core import Case, Replicate

CASE = Case(architecture="a/b", input_shape=(3, 8, 8))
SETTINGS = Settings()


def _processes(make: Any, within: float, between: float, count: int = 12, ms: float = 10.0) -> list[Replicate]:
    source = np.random.default_rng(1)
    out = []
    for index in range(count):
        middle = ms * 1e6 * (1 + source.normal(0, between))
        samples = tuple(int(middle * (1 + source.normal(0, within))) for _ in range(50))
        out.append(
            make.replicate(CASE, index, latency_ns=samples, seconds=0.5 + sum(samples) / 1e9, values={"throughput_s": 0.0})
        )
    return out


def test_a_case_goes_on_until_it_has_its_processes_and_its_width(make: Any) -> None:
    steady = [make.replicate(CASE, i, 10 + 0.01 * i) for i in range(6)]
    wide = [make.replicate(CASE, i, 10 + i) for i in range(30)]
    assert effort.unfinished(CASE, steady[:5], SETTINGS)
    assert effort.unfinished(CASE, steady, SETTINGS), "once may be chance"
    assert not effort.unfinished(CASE, [*steady, make.replicate(CASE, 6, 10.06)], SETTINGS)
    assert effort.unfinished(CASE, wide[:29], SETTINGS)
    assert not effort.unfinished(CASE, wide, SETTINGS)


def test_one_burst_does_not_keep_a_case_from_its_end(make: Any) -> None:
    calm = [make.replicate(CASE, i, 10 + 0.01 * i) for i in range(9)]
    assert not effort.unfinished(CASE, [*calm, make.replicate(CASE, 9, 20.0)], SETTINGS)


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.04])
def test_stopping_when_it_is_narrow_does_not_lose_the_true_value(spread: float, make: Any) -> None:
    source = np.random.default_rng(11)
    runs, held, at_first_look = 600, 0, 0
    for _ in range(runs):
        times = [float(t) for t in np.exp(source.normal(0, spread, 30))]
        count = next(n for n in range(6, 31) if not effort.unfinished(CASE, _quick(make, times[:n]), SETTINGS))
        first = next((n for n in range(6, 31) if (stats.relative_half_width(times[:n]) or 1.0) <= SETTINGS.interval), 30)
        held += _holds(times[:count])
        at_first_look += _holds(times[:first])
    assert held > at_first_look
    assert held / runs >= 0.935  # 95 % less the chance of 600 runs


def _quick(make: Any, times: list[float]) -> list[Replicate]:
    return [make.replicate(CASE, i, latency_ns=(int(t * 1e9),)) for i, t in enumerate(times)]


def _holds(times: list[float]) -> bool:
    found = stats.median_interval(times)
    return found is not None and found[0] <= 1.0 <= found[1]


def test_a_scenario_without_latency_is_judged_by_its_throughput(make: Any) -> None:
    rates = [make.replicate(CASE, i, latency_ns=(), values={"throughput_per_s": 100.0 + 0.1 * i}) for i in range(7)]
    assert not effort.unfinished(CASE, rates, SETTINGS)
    nothing = [make.replicate(CASE, i, latency_ns=()) for i in range(6)]
    assert not effort.unfinished(CASE, nothing, SETTINGS), "more processes would tell no more"


@pytest.mark.parametrize("scenario", ["server:15ms", "sustained:60s"])
def test_a_scenario_of_minutes_is_measured_once(scenario: str, make: Any) -> None:
    case = msgspec.structs.replace(CASE, scenario=scenario)
    assert effort.unfinished(case, [], SETTINGS)
    assert not effort.unfinished(case, [make.replicate(case, 0)], SETTINGS)


def test_the_number_of_samples_follows_from_the_variances(make: Any) -> None:
    assert effort.samples([]) == 30
    assert effort.samples(_processes(make, 0.001, 0.05)[:2]) == 30, "two processes have no variance between them to speak of"
    assert effort.samples(_processes(make, 0.001, 0.05)) == 10, "processes differ: more samples tell nothing"
    assert effort.samples(_processes(make, 0.05, 0.0001, ms=1.0)) == 100, "samples differ, and starting a process is not free"
    middle = effort.samples(_processes(make, 0.05, 0.05, ms=2.0))
    assert 10 < middle < 100
    assert effort.samples(_processes(make, 0.05, 0.05, ms=20.0)) < middle, "dearer samples, fewer of them"


def test_the_passes_follow_the_samples_and_the_time_that_is_left(make: Any) -> None:
    planned = effort.budget([], SETTINGS)
    assert (planned.warmup, planned.latency, planned.throughput, planned.samples) == (5.0, 1.0, 0.5, 30)
    few = effort.budget(_processes(make, 0.001, 0.05), SETTINGS)
    assert few.samples == 10
    assert few.throughput == pytest.approx(0.1)
    short = effort.budget([], SETTINGS, effort.share([None] * 60, 60.0))
    assert (short.warmup, short.latency, short.throughput) == pytest.approx((0.35, 0.30, 0.15))
    none = effort.budget([], SETTINGS, effort.share([None] * 60, -5.0))
    assert (none.warmup, none.latency, none.throughput) == (0.0, 0.0, 0.0)


def test_what_a_process_takes_at_least_is_known_from_those_before_it(make: Any) -> None:
    slow = [make.replicate(CASE, i, 200.0, seconds=6.5, values={"passes_s": 5.2}) for i in range(3)]
    quick = [make.replicate(CASE, i, 10.0, seconds=1.5, values={"passes_s": 1.0}) for i in range(3)]
    assert effort.fewest_s(slow) == pytest.approx(1.3 + (6 + 5 + 3) * 0.2), "the start; to warm up, samples, submissions"
    assert effort.fewest_s(quick) == pytest.approx(0.5 + (10 + 10 + 3) * 0.01)
    assert effort.fewest_s([]) is None
    assert effort.fewest_s([make.replicate(CASE, 0, latency_ns=(), values={"passes_s": 1.0})]) is None, "no step was timed"


def test_what_slow_networks_need_is_taken_from_what_the_others_would_like(make: Any) -> None:
    assert effort.share([5.9, 0.73, None], 20.0) == pytest.approx((20.0 - 5.9 - 0.73 - 3.315) / 3), "unknown: as the others"
    assert effort.share([5.9, 5.9], 3.0) == 0.0
    assert effort.share([], 3.0) == effort.share([1.0], math.inf) == math.inf
    known = [make.replicate(CASE, i, 10.0, seconds=1.5, values={"passes_s": 1.0}) for i in range(3)]
    short = effort.budget(known, SETTINGS, 0.5)
    assert (short.warmup, short.latency) == pytest.approx((0.1 + 0.175, 0.1 + 0.15)), "the fewest steps, and a share"
    assert effort.budget(known, SETTINGS, 0.0).warmup == pytest.approx(0.1)


@given(
    fewest=st.lists(st.one_of(st.none(), st.floats(min_value=0, max_value=20)), min_size=1, max_size=80),
    left=st.floats(min_value=-10, max_value=1000),
)
def test_shares_and_fewest_steps_fill_what_is_left(fewest: list[float | None], left: float) -> None:
    share = effort.share(fewest, left)
    known = [each for each in fewest if each is not None]
    assert share >= 0
    if share > 0:
        guess = sum(known) / len(known) if known else 0.0
        assert sum(guess if each is None else each for each in fewest) + share * len(fewest) == pytest.approx(left)


@given(
    rounds=st.integers(min_value=-1, max_value=6),
    elapsed=st.floats(min_value=0, max_value=300),
    expected=st.floats(min_value=0, max_value=100),
    left=st.floats(min_value=0, max_value=300),
)
def test_pauses_fill_the_spread_and_no_more(rounds: int, elapsed: float, expected: float, left: float) -> None:
    pause = effort.pause(SETTINGS, rounds, elapsed, expected, left)
    assert pause >= 0
    assert rounds > 0 or pause == 0
    assert pause * max(rounds, 0) <= min(SETTINGS.spread, left) + 1e-9
