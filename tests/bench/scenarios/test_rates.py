"""The search for the largest rate, on a queue that is computed: one server, the same time for every query."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.scenarios import _rates

if TYPE_CHECKING:
    from vbench.scenarios._rates import Trial

times = st.floats(min_value=1e-4, max_value=1.0)


def queue(service_s: float, bound_s: float, seed: int = 0, queries: int = 1000) -> Any:
    """A trial of one server that takes the same time for every query, the arrivals of every rate drawn alike."""
    draws = random.Random(seed)  # noqa: S311 - arrivals, not secrets
    gaps = [draws.expovariate(1.0) for _ in range(queries)]

    def trial(rate: float) -> Trial:
        arrival = free = 0.0
        latencies = []
        for gap in gaps:
            arrival += gap / rate
            free = max(free, arrival) + service_s
            latencies.append(free - arrival)
        latencies.sort()
        p99 = latencies[int(queries * 0.99)]
        return _rates.Trial(rate, rate, latencies[queries // 2], p99, queries, passed=p99 <= bound_s)

    return trial


@given(times, st.floats(min_value=1.05, max_value=100.0), st.floats(min_value=0.01, max_value=100.0), st.integers(0, 5))
def test_the_rate_that_is_found_passes_and_a_tenth_more_fails(service: float, slack: float, start: float, seed: int) -> None:
    trial = queue(service, service * slack, seed)
    found = _rates.find_rate(trial, start / service)
    assert found.best is not None
    assert not found.stopped
    assert found.best in found.trials
    assert trial(found.best.rate).passed
    assert not trial(1.1 * found.best.rate).passed


@given(times, st.floats(min_value=2.0, max_value=50.0))
def test_a_slower_server_never_stands_a_higher_rate(service: float, slack: float) -> None:
    bound = service * slack
    quick = _rates.find_rate(queue(service, bound), 1.0 / service).best
    slow = _rates.find_rate(queue(service * 1.5, bound), 1.0 / (1.5 * service)).best
    assert quick is not None
    assert slow is not None
    assert slow.rate <= quick.rate * (1.0 + _rates.PRECISION)


@given(st.lists(st.sampled_from([True, False, None]), max_size=60), st.integers(1, 30))
def test_the_search_ends_whatever_the_trials_say(answers: list[bool | None], most: int) -> None:
    said = iter(answers)

    def trial(rate: float) -> Trial | None:
        passed = next(said, None)
        return None if passed is None else _rates.Trial(rate, rate, 0.0, 0.0, 300, passed)

    found = _rates.find_rate(trial, 1.0, most=most)
    passing = [t.rate for t in found.trials if t.passed]
    failing = [t.rate for t in found.trials if not t.passed]
    assert len(found.trials) <= most
    assert (found.best.rate if found.best else None) == max(passing, default=None)
    # What passed and what failed never overlap: each trial lies between the two.
    assert max(passing, default=0.0) < min(failing, default=float("inf"))
    assert found.stopped or min(failing) <= max(passing) * (1.0 + _rates.PRECISION)


def test_a_server_that_is_always_late_has_no_rate() -> None:
    found = _rates.find_rate(queue(0.02, 0.015), 50.0)
    assert found.best is None
    assert found.stopped


def test_a_rate_is_confirmed_under_other_arrivals_or_lowered_until_it_is() -> None:
    easy = queue(0.01, 0.1, seed=1)
    found = _rates.find_rate(easy, 100.0).best
    assert found is not None
    assert _rates.confirm(easy, found).best == found
    harder = queue(0.012, 0.1, seed=2)
    again = _rates.confirm(harder, found)
    assert again.best is not None
    assert again.best == again.trials[-1]
    assert again.best.rate < found.rate
    assert [t.passed for t in again.trials] == [False] * (len(again.trials) - 1) + [True]
    assert _rates.confirm(queue(1.0, 0.1), found).best is None
    assert _rates.confirm(lambda _: None, found) == _rates.Search(None, (), stopped=True)


@given(st.floats(0.1, 1e4), st.floats(0.1, 1e4), st.floats(1e-4, 10.0), st.floats(0.01, 60.0))
def test_a_trial_supports_a_99th_percentile_and_lets_a_queue_show(
    rate: float, capacity: float, bound: float, seconds: float
) -> None:
    planned = _rates.size(rate, capacity, bound, seconds)
    assert planned.queries >= 299
    assert planned.queries / rate >= 20 * bound * (1 - 1e-9)
    assert planned.seconds >= planned.queries / capacity * (1 - 1e-9)


@pytest.mark.parametrize(
    ("late", "count", "hopeless"), [(0, 100, False), (1, 100, False), (3, 100, False), (4, 100, True), (2, 10, True)]
)
def test_requests_that_are_late_alone_say_so_only_with_confidence(late: int, count: int, hopeless: bool) -> None:  # noqa: FBT001 - a parameter
    assert _rates.hopeless([0.02] * late + [0.01] * (count - late), 0.015) is hopeless
