"""The batch sweep on a session whose time and memory are exact: where it ends, what it says, what it leaves behind."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vbench import job as jobs
from vbench.core import Architecture, Source
from vbench.engines.eager import Eager
from vbench.job import Wrong
from vbench.measure import Budget
from vbench.scenarios import offline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MS = 1_000_000
LONG = Budget(100.0, 100.0, 0.1)


@pytest.fixture(autouse=True, scope="module")
def frozen() -> Iterator[None]:
    """What is alive already is not looked at by each collection of the sweep, as in a worker."""
    gc.freeze()
    yield
    gc.unfreeze()


def launched(batch: int) -> int:
    """A step costs 8 ms to launch and 1 ms per image: throughput goes to 1000 per second, and never gets there."""
    return (8 + batch) * MS


def flat(batch: int) -> int:
    return 10 * MS * batch


def rates(found: dict[str, Any]) -> dict[int, float]:
    return {int(batch): rate for batch, rate in found["series"]}


def test_batches_double_until_two_in_a_row_bring_nothing(workshop: Any, bench: Callable[..., Any]) -> None:
    made = bench(workshop(launched), "offline", budget=LONG)
    found = rates(offline.measure(made))
    # 1000 / (1 + 8 / batch): 256 and 512 are up to 4.6 % above 128, and 512 and 1024 up to 2.3 % above 256.
    assert list(found) == [2**k for k in range(11)]
    assert found == {batch: pytest.approx(batch / (launched(batch) / 1e9), rel=1e-3) for batch in found}
    assert made.values == {"throughput_per_s": found[256]}  # the smallest within 3 % of the highest, and no memory
    assert made.notes == {"sweep_ended": "throughput grew by less than 3% twice"}


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_a_sweep_begins_at_the_batch_of_the_case_and_three_are_enough_where_nothing_grows(
    workshop: Any, bench: Callable[..., Any], batch: int
) -> None:
    made = bench(workshop(flat), "offline", batch=batch, budget=LONG)
    assert list(rates(offline.measure(made))) == [batch, 2 * batch, 4 * batch]
    assert made.values["throughput_per_s"] == pytest.approx(100.0, rel=1e-3)


@settings(max_examples=30)
@given(room=st.integers(min_value=2, max_value=200))
def test_the_batch_that_runs_out_of_memory_is_a_result_and_ends_the_sweep(workshop: Any, bench: Any, room: int) -> None:
    shop = workshop(launched, room=room)
    made = bench(shop, "offline", budget=LONG)
    found = rates(offline.measure(made))
    first = next(2**k for k in range(1, 9) if 2**k + 1 > room)  # the worker's own session holds one image all along
    assert list(found) == [2**k for k in range(9) if 2**k < first]
    assert made.values["oom_batch"] == first
    assert made.notes["sweep_ended"] == f"out of memory at batch {first}"
    assert shop.open == [1]  # the worker closes its own; whatever else was made is closed, the one that failed too
    assert shop.prepared == [1, *(2**k for k in range(1, 9) if 2**k <= first)]


def test_out_of_memory_at_the_first_batch_is_the_case_s(workshop: Any, bench: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="out of memory"):
        offline.measure(bench(workshop(launched, room=0), "offline"))


class Fixed(Exception):  # noqa: N818 - what a network that knows one batch might raise
    pass


def test_another_error_at_a_larger_batch_ends_the_sweep_and_says_which(workshop: Any, bench: Callable[..., Any]) -> None:
    def picky(batch: int) -> int:
        if batch > 2:
            message = "cannot reshape\n to 2"
            raise Fixed(message)
        return launched(batch)

    made = bench(workshop(picky), "offline", budget=LONG)
    assert list(rates(offline.measure(made))) == [1, 2]
    assert made.notes["sweep_ended"] == "batch 4 failed: Fixed: cannot reshape to 2"
    assert "oom_batch" not in made.values
    with pytest.raises(Fixed):
        offline.measure(bench(workshop(picky), "offline", batch=4))


@settings(max_examples=30)
@given(seconds=st.floats(min_value=0.0, max_value=30.0))
def test_a_sweep_stays_within_the_time_of_its_passes_or_says_that_larger_batches_were_left(
    workshop: Any, bench: Any, seconds: float
) -> None:
    shop = workshop(launched)
    made = bench(shop, "offline", budget=Budget(seconds, 0.0, 0.1))
    found = rates(offline.measure(made))
    assert list(found) == [2**k for k in range(len(found))]
    assert found
    cut = "larger batches may be faster" in made.notes["sweep_ended"]
    assert cut == (len(found) < 11)
    if len(found) > 1:
        assert shop.now / 1e9 <= (seconds + 0.1) * 1.5  # a batch is begun when it is expected to fit, and then ended


def test_later_processes_measure_the_batches_of_the_first_whatever_they_find(workshop: Any, bench: Callable[..., Any]) -> None:
    made = bench(workshop(flat), "offline", budget=Budget(0, 0, 0), batches=(1, 2, 4, 8, 16))
    assert list(rates(offline.measure(made))) == [1, 2, 4, 8, 16]
    assert made.notes["sweep_ended"] == "with the batches of the first process"
    full = bench(workshop(flat, room=6), "offline", batches=(1, 2, 4, 8, 16))
    assert list(rates(offline.measure(full))) == [1, 2, 4]
    assert full.values["oom_batch"] == 8


def net(**parts: Any) -> Architecture:
    source = Source(kind="module", value="vbench.engines.eager")
    return Architecture(name="toy/net", build=lambda: None, source=source, input=(3, 4, 4), **parts)


def real(bench: Callable[..., Any], shop: Any, module: torch.nn.Module, **given: Any) -> Any:
    """A bench on the eager engine, in virtual time."""
    made = bench(shop, "offline", budget=LONG, **given)
    made.architecture, made.inputs = net(), jobs.inputs(made.job, net())
    made.session = Eager().prepare(module, made.case)
    made.session.load(made.inputs)
    made.prepare = jobs.other_batch(made.job, Eager(), module, made.architecture)
    return made


class Seen(torch.nn.Module):
    """Writes down the shapes that it was called with, and keeps none of the tensors, though it leaves them in a knot."""

    def __init__(self, shop: Any) -> None:
        super().__init__()
        self.shop, self.shapes, self.held = shop, list[tuple[int, ...]](), list[Any]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shop.now += 10 * MS * len(x)
        self.shapes.append(tuple(x.shape))
        self.held.append(weakref.ref(x))
        knot: list[Any] = [x]
        knot.append(knot)  # only a collection finds that nobody needs it
        if len(x) == 4:
            message = "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            raise RuntimeError(message)
        return x.flatten(1)[:, :7]


def test_on_the_eager_engine_the_tensors_of_a_batch_are_gone_before_the_next_and_after_a_failure(
    workshop: Any, bench: Callable[..., Any]
) -> None:
    shop = workshop(flat)
    seen = Seen(shop)
    made = real(bench, shop, seen)
    gc.disable()  # as in a worker, where nothing is collected unless the scenario says so
    try:
        found = rates(offline.measure(made))
    finally:
        gc.enable()
    assert list(found) == [1, 2]
    assert found == {1: pytest.approx(100), 2: pytest.approx(100)}
    assert made.values["oom_batch"] == 4
    assert {shape[0] for shape in seen.shapes} == {1, 2, 4}
    alive = {len(x) for x in (held() for held in seen.held) if x is not None}
    assert alive == {1}  # the inputs of the worker's own session
    made.session.step()
    assert seen.shapes[-1] == (1, 3, 4, 4)
    made.session.close()


def test_an_answer_of_another_batch_is_a_finding_and_no_throughput(workshop: Any, bench: Callable[..., Any]) -> None:
    class Constant(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            shop.now += MS
            return torch.ones(1, 5)

    shop = workshop(flat)
    made = real(bench, shop, Constant())
    with pytest.raises(Wrong, match="wrong_shape"):
        offline.measure(made)
    made.session.close()


def test_larger_batches_rotate_over_as_many_images_as_the_case_and_over_two_inputs_at_least(bench: Any, workshop: Any) -> None:
    made = bench(workshop(flat), "offline", batch=2)

    class Loaded:
        def prepare(self, module: Any, case: Any) -> Any:
            return self

        def load(self, inputs: list[torch.Tensor]) -> None:
            self.shapes = [tuple(x.shape) for x in inputs]

        def close(self) -> None: ...

    prepare = jobs.other_batch(made.job, Loaded(), None, net())
    for batch, count in ((2, 8), (4, 4), (8, 2), (16, 2), (64, 2)):
        session: Any = prepare(batch)
        assert session.shapes == [(batch, 3, 4, 4)] * count


def test_a_session_whose_inputs_do_not_fit_is_closed(bench: Any, workshop: Any) -> None:
    closed = []

    class Full:
        def prepare(self, module: Any, case: Any) -> Any:
            return self

        def load(self, inputs: Any) -> None:
            raise MemoryError

        def close(self) -> None:
            closed.append(True)

    made = bench(workshop(flat), "offline")
    with pytest.raises(MemoryError):
        jobs.other_batch(made.job, Full(), None, net())(2)
    assert closed == [True]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("size mismatch"), False),
        (ValueError("memory format"), False),
    ],
)
def test_exhausted_memory_is_told_from_other_errors(error: Exception, *, expected: bool) -> None:
    assert jobs.out_of_memory(error) is expected
