"""The devices by name, their event pairs, and the fake one that works behind the host's back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vbench import devices, judge, measure, results
from vbench.devices import fake
from vbench.devices.events import EventPairs
from vbench.devices.fake import QUEUE, FakeClock, FakeMemory
from vbench.engines.fake import GRAPH_NS, IMAGE_BYTES, SUBMIT_NS, FakeEngine, base_duration_ns
from vbench.errors import VbenchError

if TYPE_CHECKING:
    from vbench.core import Result


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Virtual time and memory begin anew, as they do in each worker."""
    clock, store = FakeClock(), FakeMemory()
    for module in ("vbench.devices.fake", "vbench.engines.fake"):
        monkeypatch.setattr(f"{module}.CLOCK", clock)
        monkeypatch.setattr(f"{module}.STORE", store)


def test_every_kind_of_device_is_known_with_the_reason_where_it_is_not_here() -> None:
    found = devices.known()
    assert {name.partition(":")[0] for name in found} == set(devices.KINDS)
    assert (found["cpu"], found["fake"], found["fake:async"]) == (None, None, None)
    for name, reason in found.items():
        assert devices.get(name).target().startswith(("cpu", name.partition(":")[0]))
        assert reason is None or (reason and "\n" not in reason)
    if not torch.cuda.is_available() and torch.version.cuda is None:
        assert "was built without CUDA: install one" in str(found["cuda"])
    if not torch.backends.mps.is_built():
        assert "was built without Metal" in str(found["mps"])
    if torch.version.xpu is None:
        assert "was built without XPU" in str(found["xpu"])


@pytest.mark.parametrize("name", ["mps", "xpu:0"])
def test_tf32_is_refused_where_nothing_would_switch_it_on(name: str) -> None:
    device = devices.get(name)
    assert "--precision fp32, fp16 or bf16" in str(device.lacks("tf32"))
    assert device.lacks("fp16") is None
    with pytest.raises(VbenchError, match="--precision"):
        device.settle("tf32")


class Event:
    """Reads a clock in milliseconds that the test moves; in a real queue it is read when its turn comes."""

    now = 0.0
    waits = 0

    def __init__(self) -> None:
        self.at: float | None = None

    def record(self) -> None:
        self.at = Event.now

    def synchronize(self) -> None:
        assert self.at is not None
        Event.waits += 1

    def elapsed_time(self, other: Event) -> float:
        assert self.at is not None
        assert other.at is not None
        return other.at - self.at


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), max_size=9))
def test_event_pairs_give_each_step_once_in_nanoseconds_after_one_wait(steps: list[tuple[float, float]]) -> None:
    Event.now, Event.waits = 0.0, 0
    timer = EventPairs(Event)
    for pause, step in steps:
        Event.now += pause
        timer.start()
        Event.now += step
        timer.stop()
    assert timer.read() == pytest.approx([step * 1e6 for _, step in steps], abs=1)
    assert Event.waits == (1 if steps else 0)
    assert timer.read() == []


def _session(make: Any, name: str = "a/b", replicate: int = 0, **axes: Any) -> tuple[Any, Any, Any]:
    case = make.case(name, engine="fake", device="fake:async", **axes)
    device = devices.get("fake:async")
    clock = device.clock(replicate)
    return FakeEngine().prepare(None, case), device, clock


def _name(make: Any, *, shorter: bool) -> str:
    """An architecture whose step takes less, or more, than handing it over."""
    names = (f"a/{index}" for index in range(1000))
    return next(name for name in names if (base_duration_ns(make.case(name)) * 1.1 < SUBMIT_NS) == shorter)


def test_a_step_is_handed_over_and_done_later(make: Any) -> None:
    session, device, clock = _session(make, _name(make, shorter=False))
    session.step()
    assert clock() == SUBMIT_NS
    device.synchronize()
    assert clock() == pytest.approx(base_duration_ns(make.case(_name(make, shorter=False))), rel=0.1)
    # Three at once: the second is handed over while the first is at work.
    began = clock()
    for _ in range(3):
        session.step()
    assert clock() == began + 3 * SUBMIT_NS
    session.synchronize()
    assert clock() - began > 2.5 * base_duration_ns(make.case(_name(make, shorter=False)))


@pytest.mark.parametrize("shorter", [True, False], ids=["host bound", "device bound"])
def test_device_time_and_enqueue_time_tell_who_holds_up_whom(make: Any, *, shorter: bool) -> None:
    name = _name(make, shorter=shorter)
    session, device, clock = _session(make, name)
    # More steps than the queue holds: a host that does not wait is then held up by the device.
    work, enqueue = measure.device_time(session, clock, device.timer(), 20)
    assert len(work) == len(enqueue) == 20
    assert set(enqueue) == {SUBMIT_NS}
    expected = SUBMIT_NS if shorter else base_duration_ns(make.case(name))
    assert measure.median(work) == pytest.approx(expected, rel=0.1)
    case = make.case(name, engine="fake", device="fake:async")
    replicate = make.replicate(case, device_ns=tuple(work), enqueue_ns=tuple(enqueue))
    assert ("host_bound" in judge.flags([replicate])) == shorter
    # A graph is handed over at once, and is a case of its own.
    graph, _, clock = _session(make, name, engine_options=(("cuda-graph", "on"),))
    work, enqueue = measure.device_time(graph, clock, device.timer(), 20)
    assert set(enqueue) == {GRAPH_NS}
    assert measure.median(work) == pytest.approx(base_duration_ns(make.case(name)), rel=0.1)


def test_the_async_fake_has_all_that_can_be_read_of_a_gpu(make: Any) -> None:
    session, device, clock = _session(make, batch=3)
    assert device.reset_peak()
    held = 3.0 * IMAGE_BYTES
    assert device.memory() == {
        "peak_device_bytes": held,
        "reserved_device_bytes": held,
        "process_device_bytes": held + 300 * 2**20,
    }
    session.close()
    assert device.reset_peak()
    assert device.memory()["peak_device_bytes"] == 0.0
    meter, before = device.energy(), device.energy().joules()
    clock.advance(2_000_000_000)
    assert meter.joules() > before
    assert device.state() == {"clock_mhz": 200.0, "temperature_c": 40.0, "power_w": 10.0, "throttle": 1.0}
    session, device, _ = _session(make)
    session.step()
    assert device.state() == {"clock_mhz": 1000.0, "temperature_c": 40.0, "power_w": 50.0, "throttle": 0.0}
    device.synchronize()
    assert device.state()["clock_mhz"] == 200.0


def test_a_full_queue_makes_whoever_hands_over_wait(make: Any) -> None:
    name = _name(make, shorter=False)
    session, _, clock = _session(make, name, engine_options=(("cuda-graph", "on"),))
    took = []
    for _ in range(2 * QUEUE):
        began = clock()
        session.step()
        took.append(clock() - began)
    assert took[:QUEUE] == [GRAPH_NS] * QUEUE
    assert min(took[QUEUE + 1 :]) > 0.9 * base_duration_ns(make.case(name))


def test_handing_over_is_timed_on_an_empty_queue_and_work_behind_other_work(make: Any) -> None:
    session, device, clock = _session(make, _name(make, shorter=False))
    calls: list[str] = []

    def note(thing: Any, name: str) -> None:
        real = getattr(thing, name)
        setattr(thing, name, lambda: (calls.append(name), real()))

    timer = device.timer()
    for thing, name in ((session, "step"), (session, "synchronize"), (timer, "start"), (timer, "stop")):
        note(thing, name)
    count = 3 * QUEUE
    work, enqueue = measure.device_time(session, clock, timer, count)
    assert calls == ["synchronize", "step", "start", "step", "stop"] * count
    assert len(work) == len(enqueue) == count
    assert set(enqueue) == {SUBMIT_NS}


def test_the_async_fakes_memory_ends_where_it_is_limited(make: Any) -> None:
    device = devices.get("fake:async")
    assert device.limit_memory(4 * IMAGE_BYTES) is None
    session, _, _ = _session(make, batch=4)
    with pytest.raises(MemoryError, match=r"fake out of memory: tried to allocate 64.0 MiB, 256 MiB is the limit"):
        _session(make, batch=1)
    session.close()
    _session(make, batch=1)


def test_the_fake_engine_says_which_fake_has_modes(make: Any) -> None:
    options = (("cuda-graph", "on"),)
    assert FakeEngine().skip(make.case(device="fake:async", engine_options=options)) is None
    assert "--device fake:async" in str(FakeEngine().skip(make.case(device="fake", engine_options=options)))


def test_the_columns_of_a_device_are_derived_from_its_processes(make: Any) -> None:
    case = make.case(device="fake:async", engine="fake")
    processes = [
        make.replicate(
            case,
            index,
            device_ns=(1_000_000, 3_000_000, 2_000_000 + index),
            enqueue_ns=(500_000 + index,) * 3,
            values={"peak_device_bytes": 10.0 + index, "clock_mhz": 1000.0 + index, "power_w": 50.0, "temperature_c": 40.0},
        )
        for index in range(3)
    ]
    result: Result = results.derive_case(make.run(case), case, processes, "complete")
    found = result.values
    assert found["device_time_s"] == pytest.approx(2.000001e-3)
    assert found["enqueue_s"] == pytest.approx(0.500001e-3)
    assert (found["peak_device_bytes"], found["clock_mhz"]) == (12, 1001.0)
    assert "power_w" not in found  # a mean power is the energy pass's to measure
    assert "reserved_device_bytes" not in found  # nobody could read it: an empty cell, not 0
    host = make.replicate(case)
    empty = results.derive_case(make.run(case), case, [host], "complete").values
    assert not {"device_time_s", "enqueue_s", "peak_device_bytes", "clock_mhz", "power_w"} & set(empty)


def test_the_fakes_are_where_virtual_time_is(make: Any) -> None:
    assert [make.case(device=name).virtual for name in ("fake", "fake:async", "cpu", "cuda:0")] == [True, True, False, False]
    assert fake.names() == ("fake", "fake:async")
