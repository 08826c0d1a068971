"""As fast as it goes for as long as asked: throughput over time, which shows what heat and clocks leave of the first seconds.

`sustained:60s` submits for a minute in windows of about a second. The device is asked for its clock, temperature and power
between two windows, with a few steps submitted, so that it answers at work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .. import measure as passes
from ..stats import median
from ..units import parse_duration
from . import _state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from . import Bench

WINDOW_S = 1.0
WINDOWS = 60
# Heat is the subject, so that the warm-up only pays for what happens once.
_WARMUP_STEPS = 3


def measure(bench: Bench) -> dict[str, Any]:
    """Windows of throughput until the time is over."""
    session, clock, asked = bench.session, bench.clock, parse_duration(bench.parameter)
    bench.phase("warm-up")
    warmup = passes.sample(session, clock, _WARMUP_STEPS)
    budget = msgspec.structs.replace(bench.job.budget, throughput=min(WINDOW_S, asked / WINDOWS))
    bench.phase(f"sustained for {bench.parameter}")
    series: list[tuple[float, float]] = []
    states: list[dict[str, float]] = []
    step_ns = float(min(warmup))
    _state.look(bench, step_ns)
    ahead = None if bench.device.timer() is None else step_ns
    began = clock()
    while not series or (clock() - began) / passes.NS < asked:
        second = (clock() - began) / passes.NS
        series.append((second, passes.throughput(session, clock, budget, bench.case.batch, ahead)))
        states.append(_state.look(bench, step_ns))
    bench.values |= summary([rate for _, rate in series])
    return {"warmup_ns": tuple(warmup), "series": tuple(series), "states": _columns(states)}


def summary(rates: Sequence[float]) -> dict[str, float]:
    """What is left at the end: the medians of all windows, of the first fifth and of the last fifth of them."""
    fifth = max(1, len(rates) // 5)
    first, last = median(rates[:fifth]), median(rates[-fifth:])
    return {
        "throughput_per_s": median(rates),
        "throughput_first_per_s": first,
        "throughput_last_per_s": last,
        "sustained_ratio": last / first,
    }


def _columns(states: Sequence[dict[str, float]]) -> dict[str, tuple[float, ...]]:
    """What the device said after each window, by name; what it did not always say is left out."""
    names = set.intersection(*map(set, states)) if states else set[str]()
    return {name: tuple(state[name] for state in states) for name in sorted(names)}
