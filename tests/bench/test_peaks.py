"""A peak is the best that was seen, wherever it was seen, and is steady only where nothing disturbed it."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vbench import peaks
from vbench.peaks import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping
    from pathlib import Path

times = st.lists(st.floats(1e-4, 1e-2), min_size=1, max_size=30)


class Time:
    """Virtual time: it passes only by work, of which this process gets a share."""

    def __init__(self, share: float = 1.0) -> None:
        self.now = self.own = 0.0
        self._share = share

    def perf_counter(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.own

    def work(self, seconds: Iterable[float]) -> Callable[[], None]:
        taken = cycle(seconds)

        def call() -> None:
            took = next(taken)
            self.now += took
            self.own += took * self._share

        return call


def nothing() -> None:
    pass


def best(time: Time, works: Mapping[str, tuple[str, Iterable[float]]], *, own: bool = True, threads: int = 1) -> peaks.Peak:
    def given() -> Generator[Work, float, None]:
        for name, (kind, seconds) in works.items():
            yield Work(kind, name, time.work(seconds), 1.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peaks, "time", time)
        return peaks._best(given(), nothing, own=own, threads=threads)


@given(times, st.booleans())
def test_the_shortest_time_of_all_is_taken_and_the_look_ends(taken: list[float], own: bool) -> None:  # noqa: FBT001 - given by hypothesis
    time = Time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peaks, "time", time)
        found = peaks._time(time.work(taken), nothing, 0.5, own=own)
    assert min(taken) * 0.999 <= found.seconds <= max(taken) * 1.001
    if own and sum(taken) < 0.1:
        assert found.seconds == pytest.approx(min(taken))
    assert time.now < 5 * 0.5 + 4 * max(taken)


def test_a_burst_moves_nothing_and_three_that_agree_are_steady() -> None:
    found = best(Time(), {"product": ("product", [1e-3, 5e-1, 1e-3, 1e-3, 2e-2])})
    assert found.steady
    assert found.rate == pytest.approx(1e3)
    assert found.how.startswith("product, best of ")


def test_a_best_that_comes_once_is_not_steady() -> None:
    found = best(Time(), {"product": ("product", [1e-3, *(2e-3 + n * 1e-4 for n in range(400))])})
    assert not found.steady


@pytest.mark.parametrize(("threads", "share", "steady"), [(2, 2.0, True), (2, 1.4, False), (1, 0.6, True)])
def test_threads_that_had_to_wait_for_a_processor_are_not_steady(threads: int, share: float, *, steady: bool) -> None:
    assert best(Time(share), {"product": ("product", [1e-3])}, threads=threads).steady == steady


def test_of_each_kind_the_best_gets_a_long_look() -> None:
    # The convolution is disturbed in its short look and is the best of all in its long one.
    works = {
        "small": ("product", [2e-3]),
        "large": ("product", [1.5e-3]),
        "convolution": ("convolution", [5e-2] * 4 + [1e-3] * 1000),
    }
    found = best(Time(), works)
    assert found.how.startswith("convolution")
    assert found.rate == pytest.approx(1e3)


def test_a_device_that_works_on_its_own_is_waited_for_once_after_many_calls() -> None:
    time, waits = Time(), 0
    call = time.work([1e-5])

    def wait() -> None:
        nonlocal waits
        waits += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peaks, "time", time)
        found = peaks._time(call, wait, 0.5, own=False)
    assert found.seconds == pytest.approx(1e-5)
    assert found.calls > 100 * waits


def drive(works: Generator[Work, float, None], rate: Callable[[Work], float]) -> list[Work]:
    """Answer each piece of work with the seconds that follow from a rate."""
    done = []
    try:
        work = next(works)
        while True:
            done.append(work)
            work = works.send(work.amount / rate(work))
    except StopIteration:
        return done


def test_sizes_grow_as_long_as_that_helps() -> None:
    flat = drive(peaks._work(torch.float32, "cpu", 1, 0.0), lambda _: 1e11)
    assert [w.name for w in flat if w.kind == "product"][::2] == [f"product of {s} x {s} matrices" for s in (256, 512, 1024)]
    assert {work.kind for work in flat} == {"product", "channels first", "channels last"}
    growing = drive(peaks._work(torch.bfloat16, "cpu", 1, 0.0), lambda work: work.amount**0.5 * 1e7)
    assert sum(work.kind == "product" for work in growing) > sum(work.kind == "product" for work in flat)


def test_a_slow_type_is_not_waited_for_and_an_emulated_one_is_not_convolved() -> None:
    slow = drive(peaks._work(torch.float16, "cpu", 1, 1e11), lambda _: 1e8)
    assert [work.kind for work in slow] == ["product", "product"]


def test_int8_has_products_only() -> None:
    assert {work.kind for work in drive(peaks._work(torch.int8, "cpu", 1, 0.0), lambda _: 1e12)} == {"product"}


@pytest.mark.parametrize("kind", [torch.float32, torch.int8])
def test_the_work_is_what_it_says(kind: torch.dtype) -> None:
    for work in drive(peaks._work(kind, "cpu", 1, 0.0), lambda _: 1e9):
        result = work.call()
        if "convolution" in work.kind or work.kind.startswith("channels"):
            channels, side = result.shape[1], result.shape[-1]
            assert work.amount == 2.0 * channels * side * side * channels * 9
        else:
            assert work.amount == 2.0 * result.shape[0] ** 3


def test_traffic_is_counted_as_read_and_written() -> None:
    copy, total = drive(peaks._moves("cpu"), lambda _: 1e9)
    target = copy.call()
    assert copy.amount == 2 * target.numel() * target.element_size()
    assert total.amount == target.numel() * target.element_size()
    assert total.call() == target.numel()


@pytest.mark.parametrize(
    ("files", "size"),
    [
        ({0: "32K\n", 1: "1024K\n", 2: "32768K\n"}, 32 * 2**20),
        ({0: "32K", 3: "384M"}, 384 * 2**20),
        ({}, peaks.CACHE),
        ({0: "unknown"}, peaks.CACHE),
        ({0: ""}, peaks.CACHE),
    ],
)
def test_the_last_cache(plant: Callable[[Mapping[str, str]], Path], files: dict[int, str], size: int) -> None:
    root = plant({f"sys/devices/system/cpu/cpu0/cache/index{index}/size": text for index, text in files.items()})
    assert peaks.last_cache(root) == size


def test_a_type_that_torch_cannot_multiply_is_a_reason() -> None:
    def refuse() -> Any:
        message = '"addmm"   not implemented\nfor Half'
        raise NotImplementedError(message)

    def works() -> Generator[Work, float, None]:
        yield Work("product", "product", refuse, 1.0)

    found = peaks._tried(lambda: peaks._best(works(), nothing, own=True, threads=1))
    assert found == peaks.Peak(None, '"addmm" not implemented for Half')


def test_what_no_longer_fits_into_memory_ends_the_search_and_not_the_measurement() -> None:
    time = Time()

    def works() -> Generator[Work, float, None]:
        yield Work("product", "fits", time.work([1e-3]), 1.0)
        message = "CUDA out of memory"
        raise RuntimeError(message)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peaks, "time", time)
        assert peaks._best(works(), nothing, own=True, threads=1).rate == pytest.approx(1e3)
