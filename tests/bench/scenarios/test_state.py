"""What a device says of itself at work: never when it has nothing to do, and at no cost where it says nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.measure import Budget
from vbench.scenarios import _state, concurrent, single_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbench.scenarios import Bench

MS = 1_000_000
BUSY = {"clock_mhz": 1500.0, "temperature_c": 70.0, "power_w": 300.0, "throttle": 4.0}
IDLE = {"clock_mhz": 210.0, "temperature_c": 60.0, "power_w": 30.0, "throttle": 1.0}


class Timer:
    """Events that take no time."""

    def __init__(self, shop: Any) -> None:
        self.steps = 0
        self.shop = shop

    def start(self) -> None:
        self.shop.calls += "("

    def stop(self) -> None:
        self.steps += 1
        self.shop.calls += ")"

    def read(self) -> list[int]:
        steps, self.steps = self.steps, 0
        return [MS] * steps


class Gpu:
    """Works behind the host's back: idle whenever the last thing that was asked of its session was to wait."""

    def __init__(self, shop: Any, *, silent: bool = False) -> None:
        self.shop, self.silent = shop, silent

    def target(self) -> str:
        return "cpu"

    def state(self) -> dict[str, float]:
        busy = self.shop.calls.rstrip("S()").endswith("s")
        self.shop.calls += "S"
        return {} if self.silent else dict(BUSY if busy else IDLE)

    def timer(self) -> Timer:
        return Timer(self.shop)

    def synchronize(self) -> None: ...

    def reset_peak(self) -> bool:
        return True

    def memory(self) -> dict[str, float]:
        return {}


def made(workshop: Any, bench: Callable[..., Bench], *, silent: bool = False, step: int = 10 * MS) -> Any:
    shop = workshop(lambda _: step)
    found = bench(shop, "single-stream")
    device: Any = Gpu(shop, silent=silent)
    found.device = device
    return found


@pytest.mark.parametrize(("step", "steps"), [(10 * MS, 3), (MS, 20), (MS // 2, 40), (1000 * MS, 3)])
def test_the_device_is_asked_with_work_in_its_queue(workshop: Any, bench: Any, step: int, steps: int) -> None:
    one = made(workshop, bench, step=step)
    shop = one.device.shop
    assert _state.look(one, float(step)) == BUSY
    assert shop.calls == "S" + "s" * steps + "Sw"
    assert one.values == {"clock_mhz": 1500.0, "clock_mhz_start": 1500.0, "temperature_c": 70.0, "throttle": 4.0}


def test_a_device_that_says_nothing_is_given_no_work_for_it(workshop: Any, bench: Any) -> None:
    one = made(workshop, bench, silent=True)
    assert _state.look(one, float(MS)) == {}
    assert one.device.shop.calls == "S"
    assert one.values == {}


def test_where_a_call_returns_when_its_work_is_done_there_is_no_load_to_ask_under(workshop: Any, bench: Any) -> None:
    shop = workshop(lambda _: MS)
    shop.states = [BUSY]
    one = bench(shop, "single-stream")
    assert _state.look(one, float(MS)) == BUSY
    assert shop.calls == "S"


@pytest.mark.parametrize("silent", [False, True])
def test_a_single_stream_is_read_at_work_before_and_after_its_passes(workshop: Any, bench: Any, *, silent: bool) -> None:
    one = made(workshop, bench, silent=silent)
    found = single_stream.measure(one)
    said = {name: one.values.get(name) for name in ("clock_mhz_start", "clock_mhz", "throttle", "power_w")}
    nothing = dict.fromkeys(said)
    busy = {"clock_mhz_start": 1500.0, "clock_mhz": 1500.0, "throttle": 4.0, "power_w": None}
    assert said == (nothing if silent else busy)
    assert len(found["device_ns"]) == len(found["enqueue_ns"]) == len(found["latency_ns"])
    assert one.device.shop.calls.count("S") == (2 if silent else 4)


def test_streams_are_read_while_they_are_at_work(workshop: Any, bench: Any) -> None:
    asked: list[set[str]] = []

    class Among(Gpu):
        def state(self) -> dict[str, float]:
            asked.append({thread.name for thread in threading.enumerate() if thread.name.startswith("stream ")})
            return dict(BUSY if len(asked) == 1 else IDLE)

        def timer(self) -> None:  # type: ignore[override]  # one that returns when its work is done
            return None

    shop = workshop(lambda _: MS)
    one = bench(shop, "concurrent:2", budget=Budget(0.0, 0.0, 0.0))  # ten steps of warm-up, then ten requests
    read = threading.Event()
    device: Any = Among(shop)
    real = device.state

    def state() -> dict[str, float]:
        found: dict[str, float] = real()
        read.set()
        return found

    device.state = state
    one.device = device
    prepare = one.prepare

    def prepared(batch: int) -> Any:
        session = prepare(batch)
        step = session.step

        def held() -> None:
            # The twelfth step of a stream is its second request: nobody ends before the device was asked.
            step()
            session.steps = getattr(session, "steps", 0) + 1
            if session.steps > 11:
                assert read.wait(60)

        session.step = held
        return session

    one.prepare = prepared
    concurrent.measure(one)
    assert asked[0] == {"stream 0", "stream 1"}
    assert asked[1:] == [set()]
    assert (one.values["clock_mhz_start"], one.values["clock_mhz"], one.values["throttle"]) == (1500.0, 210.0, 5.0)


states = st.fixed_dictionaries(
    {},
    optional={
        "clock_mhz": st.floats(1, 3000), "temperature_c": st.floats(0, 100), "power_w": st.floats(1, 700),
        "throttle": st.integers(0, 255).map(float),
    },
)  # fmt: skip


@given(st.lists(states, max_size=6))
def test_looks_add_up_to_the_first_clock_the_last_one_and_every_reason(looks: list[dict[str, float]]) -> None:
    values: dict[str, float] = {}
    for found in looks:
        values |= _state.merged(values, found)
    clocks = [found["clock_mhz"] for found in looks if "clock_mhz" in found]
    assert values.get("clock_mhz_start") == (clocks[0] if clocks else None)
    assert values.get("clock_mhz") == (clocks[-1] if clocks else None)
    bits = [int(found["throttle"]) for found in looks if "throttle" in found]
    assert ("throttle" in values) == bool(bits)
    for bit in range(8):
        assert (int(values.get("throttle", 0)) >> bit & 1) == any(found >> bit & 1 for found in bits)
    assert "power_w" not in values
