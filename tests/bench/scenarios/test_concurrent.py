"""Several callers at once: threads that never wait for time to pass, and the arithmetic of what they found."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vbench import job as jobs
from vbench.core import Architecture, Source
from vbench.engines.eager import Eager
from vbench.measure import Budget
from vbench.scenarios import concurrent

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = Budget(0.0, 0.0, 0.0)  # ten requests per stream after ten of warm-up, however long they take


@given(
    st.lists(st.integers(10**3, 10**6), min_size=2, max_size=6), st.integers(1, 10**6), st.integers(1, 64), st.integers(0, 10**9)
)
def test_streams_of_constant_speed_add_up_exactly(steps: list[int], lasts: int, batch: int, begun: int) -> None:
    requests = [[(begun + i * step, begun + (i + 1) * step) for i in range(lasts // step + 1)] for step in steps]
    expected = sum(1e9 / step for step in steps) * batch
    assert concurrent.rate(requests, batch, begun) == pytest.approx(expected, rel=1e-9)


def test_a_stream_that_is_let_go_last_is_counted_from_when_all_were() -> None:
    # The second woke up when the first had already finished: together they served two requests and a half in 20 ns.
    assert concurrent.rate([[(0, 10), (10, 20)], [(15, 25)]], 1, 0) == pytest.approx(2.5 / 20e-9)


@given(st.lists(st.integers()), st.integers(1, 50))
def test_thinning_keeps_the_order_the_ends_of_time_and_never_leaves_nothing(samples: list[int], most: int) -> None:
    indexed = list(enumerate(samples))
    kept = concurrent.thinned([index for index, _ in indexed], most)
    assert len(kept) == min(most, len(samples))
    assert kept == sorted(set(kept))
    if samples:
        gaps = [b - a for a, b in zip(kept, [*kept[1:], len(samples)], strict=True)]
        assert kept[0] == 0
        assert max(gaps) - min(gaps) <= 1


class Callers:
    """Sessions for threads: each notes who made it and who uses it, and does at each step what it is told."""

    def __init__(self, does: Callable[[int, int], None] = lambda _index, _step: None) -> None:
        self.does = does
        self.made: list[Caller] = []

    def prepare(self, batch: int) -> Caller:
        self.made.append(Caller(len(self.made), self.does))
        return self.made[-1]


class Caller:
    def __init__(self, index: int, does: Callable[[int, int], None]) -> None:
        self.index, self.does, self.steps, self.closed = index, does, 0, 0
        self.maker, self.users = threading.get_ident(), set[int]()
        does(index, 0)

    def step(self) -> None:
        self.users.add(threading.get_ident())
        self.steps += 1
        self.does(self.index, self.steps)

    def synchronize(self) -> None: ...

    def output(self) -> None: ...

    def load(self, inputs: object) -> None: ...

    def close(self) -> None:
        self.closed += 1


def threaded(bench: Any, workshop: Any, callers: Callers, streams: int, budget: Budget = NOW) -> Any:
    made = bench(workshop(lambda _: 1), f"concurrent:{streams}", batch=2, budget=budget)
    made.clock, made.prepare = time.perf_counter_ns, callers.prepare
    return made


@pytest.mark.parametrize("streams", [2, 5])
def test_each_stream_is_a_thread_with_a_session_of_its_own(bench: Any, workshop: Any, streams: int) -> None:
    callers = Callers()
    made = threaded(bench, workshop, callers, streams)
    before = threading.active_count()
    found = concurrent.measure(made)
    assert threading.active_count() == before
    assert len({caller.maker for caller in callers.made}) == streams
    assert threading.get_ident() not in {caller.maker for caller in callers.made}
    assert [caller.users for caller in callers.made] == [{caller.maker} for caller in callers.made]
    assert [caller.closed for caller in callers.made] == [1] * streams
    served = [int(word) for word in made.notes["streams"].partition(": ")[2].split(", ")]
    assert sum(served) == len(found["latency_ns"]) >= 10 * streams
    assert sum(caller.steps for caller in callers.made) == len(found["warmup_ns"]) + sum(served)
    assert made.values["throughput_per_s"] > 0
    assert made.values["stream_balance"] == min(served) / max(served)
    # Inputs of the worker's own session and of each stream are in memory that nobody else would need.
    assert "peak_host_bytes" not in made.values
    assert "left empty" in made.notes["memory"]


def test_a_stream_that_starves_is_seen_and_does_not_hold_up_the_end(bench: Any, workshop: Any) -> None:
    served = threading.Event()

    def does(index: int, step: int) -> None:
        if index == 0 and step == 11:  # the first after its ten of warm-up
            assert served.wait(60)
        if index == 1 and step == 25:
            served.set()

    made = threaded(bench, workshop, Callers(does), 2)
    found = concurrent.measure(made)
    assert made.values["stream_balance"] <= 0.1
    assert max(found["latency_ns"]) > 10 * sorted(found["latency_ns"])[len(found["latency_ns"]) // 2]


@pytest.mark.parametrize("where", [0, 3, 15])
@pytest.mark.parametrize("error", [MemoryError("no more"), ValueError("broken"), SystemExit(3)])
def test_an_error_in_one_stream_ends_all_and_is_the_process_s(
    bench: Any, workshop: Any, where: int, error: BaseException
) -> None:
    def does(index: int, step: int) -> None:
        if index == 1 and step == where:
            raise error

    callers = Callers(does)
    before = threading.active_count()
    made = threaded(bench, workshop, callers, 3, Budget(60.0, 600.0, 0.0))
    with pytest.raises(type(error)) as caught:
        concurrent.measure(made)
    assert caught.value is error
    assert threading.active_count() == before
    assert [caller.closed for caller in callers.made] == [1] * len(callers.made)


def test_many_requests_are_thinned_and_the_notes_say_so(bench: Any, workshop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concurrent.thinned, "__defaults__", (7,))
    made = threaded(bench, workshop, Callers(), 2)
    assert len(concurrent.measure(made)["latency_ns"]) == 7
    assert made.notes["latency_kept"].startswith("7 of 2")


def test_inference_mode_and_threads_hold_in_every_stream(bench: Any, workshop: Any) -> None:
    seen: dict[int, set[tuple[bool, int]]] = {}

    class Module(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.setdefault(threading.get_ident(), set()).add((torch.is_inference_mode_enabled(), torch.get_num_threads()))
            return x.flatten(1)

    made = threaded(bench, workshop, Callers(), 2)
    source = Source(kind="module", value="vbench.engines.eager")
    made.architecture = Architecture(name="toy/net", build=Module, source=source, input=(3, 4, 4))
    made.prepare = jobs.other_batch(made.job, Eager(), Module(), made.architecture)
    concurrent.measure(made)
    assert list(seen.values()) == [{(True, made.case.threads)}] * 2
    assert threading.get_ident() not in seen
    assert not torch.is_inference_mode_enabled()
