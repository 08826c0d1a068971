"""The energy pass: what a counter says over a window of continuous work, and over one without any, in one worker.

A counter moves in steps (NVML's about every 100 ms), so a window begins and ends at one of them, with everything submitted
finished. What cannot be trusted leaves no value and a reason: never a 0.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from . import measure as passes
from .measure import NS
from .stats import median

if TYPE_CHECKING:
    from collections.abc import Callable

    from .devices import Meter
    from .scenarios import Bench

WINDOW_S = 5.0
# A counter that has not moved for so long does not count.
STUCK_S = 1.0
# No device takes so much: a counter that says so has been reset, or has wrapped around where it should not.
MOST_W = 10_000.0
# How long the work goes on between two waits, and between two looks at the counter at the ends of a window.
_PIECE_S, _EDGE_S = 0.5, 0.01


class Window(msgspec.Struct, frozen=True):
    """What the counter said over a window: joules, seconds, the steps that were finished, and the counters beside it."""

    joules: float
    seconds: float
    steps: int
    beside: dict[str, float] = {}

    @property
    def watts(self) -> float:
        """The mean power."""
        return self.joules / self.seconds


class UnreadError(Exception):
    """The counter says nothing that could be believed; the text says why."""


class Work(NamedTuple):
    """What goes on during a window: `piece` goes on for about so many seconds and gives the number of steps begun."""

    piece: Callable[[float], int]
    wait: Callable[[], Any]


def submission(bench: Bench, step_s: float) -> Work:
    """Steps without a pause, as in the throughput pass; so many as `step_s` says, since a host may run far ahead of a device."""
    step = bench.session.step

    def piece(seconds: float) -> int:
        steps = max(1, int(seconds / step_s))
        for _ in range(steps):
            step()
        return steps

    return Work(piece, bench.session.synchronize)


def rest(bench: Bench) -> Work:
    """Nothing at all: long sleeps, since a processor that is woken a thousand times a second is not idle."""
    sleep: Callable[[float], Any] = getattr(bench.device, "rest", time.sleep)

    def piece(seconds: float) -> int:
        sleep(seconds)
        return 0

    return Work(piece, bench.session.synchronize)


def window(meter: Meter, clock: Callable[[], int], work: Work, seconds: float = WINDOW_S) -> Window:
    """Work from one step of the counter to the first one after `seconds`. Raises UnreadError, and OSError from the meter."""
    beside: Callable[[], dict[str, float]] = getattr(meter, "beside", dict)
    before, began, _ = _edge(meter, clock, work)
    first = beside()
    steps = 0
    while (left := seconds - (clock() - began) / NS) > 0:
        # With a wait in between, so that the end is not far away when the time is over.
        steps += work.piece(min(left, _PIECE_S))
        work.wait()
    after, ended, more = _edge(meter, clock, work)
    last = beside()
    joules, took = after - before, (ended - began) / NS
    if joules <= 0:
        message = f"it went back by {-joules:.3g} J in {took:.1f} s"
        raise UnreadError(message)
    if joules / took > MOST_W:
        message = f"it jumped by {joules:.3g} J in {took:.1f} s, which no device takes"
        raise UnreadError(message)
    return Window(joules, took, steps + more, {name: last[name] - first[name] for name in first if name in last})


def _edge(meter: Meter, clock: Callable[[], int], work: Work) -> tuple[float, int, int]:
    """Work in short pieces, each finished, until the counter moves: its reading, the time, and the steps."""
    work.wait()
    before, end, steps = meter.joules(), clock() + int(STUCK_S * NS), 0
    while True:
        steps += work.piece(_EDGE_S)
        work.wait()
        now, found = clock(), meter.joules()
        if found != before:
            return found, now, steps
        if now > end:
            message = f"it stood still at {found:.6g} J for {STUCK_S:g} s"
            raise UnreadError(message)


def measure(bench: Bench) -> dict[str, Any]:
    """The values and notes of a replicate: energy per image, power, and the same with the idle power subtracted.

    Idle is this worker with the network loaded and nothing to do, in a window before the work.
    """
    notes = bench.notes
    meter = bench.device.energy()
    if isinstance(meter, str):
        notes["energy"] = meter
        return {"notes": notes}
    try:
        bench.phase("idle")
        idle = window(meter, bench.clock, rest(bench))
        bench.phase("warm-up")
        warm, _ = passes.warm_up(bench.session, bench.clock, bench.job.budget)
        bench.phase("energy")
        busy = window(meter, bench.clock, submission(bench, median(warm[-passes.GROUP :]) / NS))
    except (UnreadError, OSError) as error:
        notes["energy"] = f"the counter ({meter.method}) cannot be used: {' '.join(str(error).split())}"
        return {"notes": notes}
    notes["energy_method"] = meter.method
    return {"values": _values(idle, busy, bench.case.batch, notes), "notes": notes}


def _values(idle: Window, busy: Window, batch: int, notes: dict[str, str]) -> dict[str, float]:
    images = busy.steps * batch
    found = {
        "energy_j": busy.joules / images,
        "power_w": busy.watts,
        "idle_power_w": idle.watts,
        "energy_window_s": busy.seconds,
        "energy_images": float(images),
    }
    found |= {name: joules / images for name, joules in busy.beside.items() if joules > 0}
    if busy.watts > idle.watts:
        found["energy_above_idle_j"] = (busy.joules - idle.watts * busy.seconds) / images
    else:
        notes["energy_above_idle_j"] = "left empty: the idle window took as much power, so other work ran in it"
    return found
