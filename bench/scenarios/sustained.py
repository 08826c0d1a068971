"""As fast as it goes for as long as asked: throughput over time, which shows what heat and clocks leave of the first seconds.

`sustained:60s` submits for a minute in windows of about a second. The device is asked for its clock, temperature and power
between two windows, when nothing runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .. import measure as passes
from ..stats import median
from ..units import parse_duration

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
    states = [bench.device.state()]
    began = clock()
    while not series or (clock() - began) / passes.NS < asked:
        second = (clock() - began) / passes.NS
        series.append((second, passes.throughput(session, clock, budget, bench.case.batch)))
        states.append(bench.device.state())
    bench.values |= summary([rate for _, rate in series]) | _state(states)
    return {"warmup_ns": tuple(warmup), "series": tuple(series), "states": _columns(states[1:])}


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


def _state(states: Sequence[dict[str, float]]) -> dict[str, float]:
    """The device over the whole time: its clock before and at the end, every reason to throttle, its usual power."""
    found = dict(states[-1])
    if "clock_mhz" in states[0]:
        found["clock_mhz_start"] = states[0]["clock_mhz"]
    bits = 0
    for state in states:
        bits |= int(state.get("throttle", 0))
    if any("throttle" in state for state in states):
        found["throttle"] = float(bits)
    power = [state["power_w"] for state in states[1:] if "power_w" in state]
    return found | ({"power_w": median(power)} if power else {})
