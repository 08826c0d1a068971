"""Energy: windows over a counter, idle power apart, and counters that cannot be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import devices, energy
from vbench.devices.fake import FakeClock
from vbench.energy import UnreadError, Work
from vbench.measure import Budget
from vbench.scenarios import Bench

if TYPE_CHECKING:
    from collections.abc import Callable
NS = 1_000_000_000
IDLE_W = 40.0


class World:
    """Virtual time, a device that takes `watts` while it works, and a counter that moves every `tick` seconds."""

    def __init__(self, watts: float = 240.0, tick: float = 0.1, step: float = 0.01) -> None:
        self.clock = FakeClock()
        self.watts, self.tick, self.step_s = watts, tick, step
        self.used = 0.0
        self.shown = 0.0
        self.ticks = 0
        self.steps = 0
        self.method = "a test"

    def spend(self, seconds: float, watts: float) -> None:
        """Let time pass at that power, and let the counter move whenever it is its time."""
        end = self.clock.now + int(seconds * NS)
        while (at := int((self.ticks + 1) * self.tick * NS)) <= end:
            self.used += watts * (at - self.clock.now) / NS
            self.clock.now, self.ticks, self.shown = at, self.ticks + 1, self.used
        self.used += watts * (end - self.clock.now) / NS
        self.clock.now = end

    def step(self) -> None:
        self.steps += 1
        self.spend(self.step_s, self.watts)

    def rest(self, seconds: float) -> None:
        self.spend(seconds, IDLE_W)

    def joules(self) -> float:
        return self.shown

    def energy(self) -> Any:
        return self

    def work(self) -> Work:
        def piece(seconds: float) -> int:
            count = max(1, int(seconds / self.step_s))
            for _ in range(count):
                self.step()
            return count

        return Work(piece, lambda: None)


class Session:
    """Steps of the world."""

    def __init__(self, world: World) -> None:
        self.step = world.step

    def synchronize(self) -> None:
        return


def bench_of(world: Any, make: Any, batch: int = 1, device: Any = None) -> Any:
    class Job:
        budget = Budget(warmup=0.5)

    return Bench(
        job=Job(), case=make.case(batch=batch), architecture=None, device=device or world, clock=world.clock,
        session=Session(world), inputs=None, prepare=lambda _: None, phase=lambda _: None, values={}, notes={},
    )  # fmt: skip


@given(
    watts=st.floats(1.0, 900.0), tick=st.floats(0.001, 0.3), step=st.floats(0.0005, 2.0), offset=st.floats(0.0, 1.0)
)  # fmt: skip
def test_a_window_gives_the_power_whatever_the_counters_step(watts: float, tick: float, step: float, offset: float) -> None:
    world = World(watts, tick, step)
    world.spend(offset, IDLE_W)
    found = energy.window(world, world.clock, world.work())  # type: ignore[arg-type]
    assert found.seconds >= energy.WINDOW_S
    # The counter is looked at after every hundredth of a second, or after every step where one takes longer.
    late = 2 * max(step, energy._EDGE_S + step)
    assert found.watts == pytest.approx(watts, rel=min(1.0, 2 * late / energy.WINDOW_S) + 1e-6)
    assert found.seconds < energy.WINDOW_S + 2 * step + tick + energy._PIECE_S + late
    # As many steps as there was time for.
    assert found.steps == pytest.approx(found.seconds / step, abs=1.5)


def test_idle_power_is_subtracted_apart(make: Any) -> None:
    world = World(watts=240.0)
    found = energy.measure(bench_of(world, make, batch=4))
    values = found["values"]
    assert found["notes"] == {"energy_method": "a test"}
    assert values["power_w"] == pytest.approx(240.0, rel=0.01)
    assert values["idle_power_w"] == pytest.approx(IDLE_W, rel=0.01)
    assert values["energy_window_s"] >= 5.0
    assert values["energy_j"] == pytest.approx(240.0 * 0.01 / 4, rel=0.01)
    assert values["energy_above_idle_j"] == pytest.approx(200.0 * 0.01 / 4, rel=0.01)
    assert values["energy_images"] * values["energy_j"] == pytest.approx(values["power_w"] * values["energy_window_s"])
    # A window of rest, a warm-up, a window of work: nothing is counted that was not measured.
    assert world.steps * 4 > values["energy_images"]


def test_work_that_takes_no_more_than_idle_has_no_difference(make: Any) -> None:
    found = energy.measure(bench_of(World(watts=IDLE_W), make))
    assert found["values"]["energy_j"] > 0
    assert "energy_above_idle_j" not in found["values"]
    assert "other work ran in it" in found["notes"]["energy_above_idle_j"]


def _still(world: World) -> Callable[[], float]:
    del world
    return lambda: 17.0


def _zero(world: World) -> Callable[[], float]:
    del world
    return lambda: 0.0


def _back(world: World) -> Callable[[], float]:
    return lambda: 1e6 - world.used


def _jump(world: World) -> Callable[[], float]:
    return lambda: world.shown + (1e6 if world.clock.now > 3 * NS else 0.0)


def _silent(world: World) -> Callable[[], float]:
    def joules() -> float:
        if world.clock.now > 3 * NS:
            message = "the driver\nis gone"
            raise OSError(message)
        return world.shown

    return joules


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (_still, "it stood still at 17 J for 1 s"),
        (_zero, "it stood still at 0 J for 1 s"),
        (_back, "it went back by"),
        (_jump, "which no device takes"),
        (_silent, "the driver is gone"),
    ],
)
def test_a_counter_that_cannot_be_believed_leaves_a_reason_and_never_a_number(broken: Any, words: str, make: Any) -> None:
    world = World()
    world.joules = broken(world)  # type: ignore[method-assign]
    found = energy.measure(bench_of(world, make))
    assert "values" not in found
    assert found["notes"]["energy"].startswith("the counter (a test) cannot be used: ")
    assert words in found["notes"]["energy"]


def test_a_device_without_a_counter_says_why(make: Any) -> None:
    found = energy.measure(bench_of(World(), make, device=devices.get("fake")))
    assert found == {"notes": {"energy": "the fake device uses no energy"}}


def test_the_window_does_not_begin_before_the_counter_moves() -> None:
    world = World(tick=0.2)
    seen: list[float] = []
    joules = world.joules
    world.joules = lambda: seen.append(world.clock.now / NS) or joules()  # type: ignore[method-assign, func-returns-value]
    found = energy.window(world, world.clock, world.work())  # type: ignore[arg-type]
    assert found.joules == pytest.approx(found.seconds * world.watts, rel=1e-9)
    assert seen[0] == 0.0
    # A counter that moves every 200 ms at 240 W shows whole multiples of 48 J, and so does the window.
    assert found.joules / 48 == pytest.approx(round(found.joules / 48))
    with pytest.raises(UnreadError):
        energy.window(type("Stuck", (), {"joules": lambda _: 1.0})(), world.clock, world.work())
