"""The sampling loop on a session and a clock that are exact: every number here is counted, none is waited for."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import measure
from vbench.measure import MAX_SAMPLES, MIN_SAMPLES, NS, Budget

MS = NS // 1000


class Clock:
    """Virtual time, in nanoseconds."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


class Fake:
    """A session whose steps wait in a queue and last `durations`, the last of them forever. It writes down what it is asked."""

    def __init__(self, clock: Clock, *durations: int, submit: int = 0) -> None:
        self.clock = clock
        self.durations = durations or (MS,)
        self.submit = submit
        self.calls = ""
        self.queued = 0

    def step(self) -> None:
        self.queued += self.durations[min(self.calls.count("s"), len(self.durations) - 1)]
        self.calls += "s"
        self.clock.now += self.submit

    def synchronize(self) -> None:
        self.clock.now += self.queued
        self.queued = 0
        self.calls += "w"

    def output(self) -> None: ...

    def load(self, inputs: object) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_sample_is_one_step_and_the_wait_for_it(clock: Clock) -> None:
    session = Fake(clock, 5, 7, 11)
    session.queued = 1000  # what was left over from before must not be counted
    assert measure.sample(session, clock, 3) == [5, 7, 11]
    assert session.calls == "wsw" * 3
    assert measure.sample(session, clock, 0) == []


@given(st.integers(min_value=1, max_value=200 * MS), st.floats(min_value=0, max_value=3))
def test_a_process_takes_samples_for_its_time_but_at_least_10_or_5_slow_ones_and_at_most_100(
    duration: int, budget: float
) -> None:
    clock = Clock()
    samples = measure.latency(Fake(clock, duration), clock, Budget(latency=budget))
    asked = -(-int(budget * NS) // duration)  # rounded up: the sample under way when the time is spent still counts
    assert samples == [duration] * max(5 if duration > 100 * MS else MIN_SAMPLES, min(MAX_SAMPLES, asked))
    assert clock.now == sum(samples)


@pytest.mark.parametrize(
    ("durations", "budget", "count", "settled"),
    [
        ((MS,), 5.0, 10, True),  # steady from the first
        ((9 * MS, *[MS] * 4), 5.0, 10, True),  # one slow step does not move the median of its group
        ((*[9 * MS] * 5, MS), 5.0, 15, True),
        ((*[9 * MS] * 12, MS), 5.0, 10, True),
        ((*(MS * 2**i for i in range(5, -1, -1)), MS), 5.0, 15, True),
        (tuple(10**8 // (i + 1) for i in range(40)), 0.05, 10, False),  # the time is spent before they can agree
        (tuple(10**8 // (i + 1) for i in range(40)), 0.3, 15, False),
        ((101 * MS,), 5.0, 6, True),  # slow steps come in groups of three
        ((*[900 * MS] * 3, *[800 * MS] * 3, 700 * MS), 5.2, 9, False),
        ((3 * NS,), 5.0, 2, True),  # steps of seconds in groups of one
        ((9 * NS, 6 * NS, 3 * NS), 5.0, 2, False),
        ((9 * NS, *[500 * MS] * 5), 5.0, 6, True),  # a long first step is no long network
        ((9 * NS, 9 * NS, *[MS] * 8), 30.0, 2, True),
        ((MS, 900 * MS, MS), 5.0, 10, True),  # one slow step is no slow network
        (tuple(MS * 100 // 2**i for i in range(20)), 0.15, 10, False),  # still falling when the time is spent
        ((MS,), 0.0, 10, True),
    ],
)
def test_the_warm_up_ends_when_two_groups_agree_or_the_time_is_spent(
    clock: Clock, durations: tuple[int, ...], budget: float, count: int, *, settled: bool
) -> None:
    discarded, done = measure.warm_up(Fake(clock, *durations), clock, Budget(warmup=budget))
    assert (len(discarded), done) == (count, settled)
    assert discarded == [*durations, *[durations[-1]] * count][:count]


@pytest.mark.parametrize(("duration", "least"), [(100 * MS, 10), (101 * MS, 5), (2 * NS, 5), (2 * NS + 1, 3)])
def test_long_steps_are_sampled_less_often(clock: Clock, duration: int, least: int) -> None:
    assert len(measure.latency(Fake(clock, duration), clock, Budget(latency=0.0))) == least


@pytest.mark.parametrize(("duration", "steps"), [(2 * NS, 3), (2 * NS + 1, 1)])
def test_a_long_step_is_submitted_once(clock: Clock, duration: int, steps: int) -> None:
    session = Fake(clock, 0, submit=duration)
    measure.throughput(session, clock, Budget(throughput=0.0), batch=1)
    assert session.calls.count("s") == steps


@pytest.mark.parametrize(("budget", "steps"), [(0.5, 50), (0.0, 3), (0.005, 3), (0.035, 4)])
def test_throughput_submits_without_waiting_and_waits_once(clock: Clock, budget: float, steps: int) -> None:
    session = Fake(clock, 20 * MS, submit=10 * MS)
    session.queued = 3 * NS  # waited for before the clock starts
    rate = measure.throughput(session, clock, Budget(throughput=budget), batch=4)
    assert session.calls == "w" + "s" * steps + "w"
    assert rate == pytest.approx(steps * 4 / (steps * 0.030))


@pytest.mark.parametrize(("step", "together"), [(20 * MS, 5), (1, 100 * MS), (3 * NS, 1)])
def test_a_host_that_runs_ahead_waits_after_a_tenth_of_a_second_of_work(clock: Clock, step: int, together: int) -> None:
    session = Fake(clock, step, submit=MS // 10)
    most = 0
    real = session.synchronize

    def synchronize() -> None:
        nonlocal most
        most = max(most, session.queued)
        real()

    session.synchronize = synchronize  # type: ignore[method-assign]  # looks at the queue before it is emptied
    rate = measure.throughput(session, clock, Budget(throughput=0.01), batch=2, step_ns=step)
    steps = session.calls.count("s")
    assert most == min(together, steps) * step
    assert rate == pytest.approx(2 * steps / (clock.now / NS))
    assert clock.now < 0.01 * NS + max(NS // 10, 3 * step) + step + steps * MS // 10


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("failing", [True, False])
def test_garbage_is_collected_before_and_never_inside_and_afterwards_as_it_was(*, enabled: bool, failing: bool) -> None:
    was = gc.isenabled()

    def inside() -> None:
        with measure.quiet():
            assert not gc.isenabled()
            assert gc.get_freeze_count() > 0
            if failing:
                raise MemoryError

    try:
        (gc.enable if enabled else gc.disable)()
        if failing:
            with pytest.raises(MemoryError):
                inside()
        else:
            inside()
        assert gc.isenabled() is enabled
        assert gc.get_freeze_count() == 0
    finally:
        (gc.enable if was else gc.disable)()
