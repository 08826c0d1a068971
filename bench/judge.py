"""What the evidence in the replicates says against a row: the validity flags of flags.py, from what was recorded.

Pure: a flag is derived on reading, and so can be derived again by a later rule.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from . import drift, pages, sweeps
from .stats import median
from .variance import quartile_spread, relative_deviation, trend, two_groups, widened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .core import Replicate

STEAL = 0.02
SWITCHES_PER_S = 50.0
NOISY = 0.10
PROCESS_VARIANCE = 0.05
CLOCK = 0.9
HOST_BOUND = 0.8
# A sentinel that takes so much longer than is usual in its run was not alone on its cores, whatever the kernel counted.
SENTINEL = 1.25
# What a pass pays for memory that was given back after the pass before, as a share of its time.
PAGES = 0.05
# A sample must last so many readings of the clock, or reading it is more than a hundredth of what is read.
CLOCK_READINGS = 100
# A row is flagged for what happened to this share of its processes: one burst moves neither the median nor its interval.
SHARE = 0.25
# NVML's reasons that mean heat or power: software power cap, hardware slowdown, software and hardware thermal, power brake.
THROTTLE_BITS = 0x4 | 0x8 | 0x20 | 0x40 | 0x80


class _Evidence(NamedTuple):
    """What the rules look at: the measuring processes in the order in which they ran, and what the sentinel usually takes.

    `headlines` has one number per process, those that the row's interval is built over; `samples` what each process measured
    again and again, in order: its latencies, or the windows of sustained throughput. It is empty where a process has neither.
    """

    timed: Sequence[Replicate]
    scenario: str
    usual: float | None
    headlines: Sequence[float]
    samples: Sequence[Sequence[float]]


def flags(replicates: Sequence[Replicate], usual_sentinel_s: float | None = None, scenario: str = "single-stream") -> list[str]:
    """The flags that the measuring processes give cause for, in the order of flags.py.

    `usual_sentinel_s` is what the sentinel takes in this run and the machine's history; without it, its median here.
    """
    timed = sorted((r for r in replicates if r.role == "measure"), key=lambda r: r.started_s)
    if not timed:
        return []
    if usual_sentinel_s is None:
        sentinels = drift.in_order(timed)
        usual_sentinel_s = median(sentinels) if sentinels else None
    name = scenario.partition(":")[0]
    samples = [_samples(r, name) for r in timed]
    evidence = _Evidence(timed, name, usual_sentinel_s, sweeps.headlines(scenario, timed), samples)
    return [flag for flag, found in _RULES.items() if found(evidence)]


def _samples(r: Replicate, scenario: str) -> Sequence[float]:
    if r.latency_ns or scenario != "sustained":
        return r.latency_ns
    return [rate for _, rate in r.series]


def _share(seen: Sequence[Any], found: Callable[[Any], bool], least: float) -> bool:
    return sum(map(found, seen)) >= least * len(seen)


def _stolen(seen: _Evidence) -> bool:
    # Where several requests are under way at once a case's own threads take each other's cores, as they must.
    usual, alone = seen.usual, seen.scenario not in {"server", "concurrent"}

    def found(r: Replicate) -> bool:
        sentinel = drift.sentinel_s(r)
        late = sentinel is not None and usual is not None and sentinel > SENTINEL * usual
        return r.values.get("steal_share", 0.0) > STEAL or late or (alone and _kept_waiting(r))

    return _share(seen.timed, found, SHARE)


def _kept_waiting(r: Replicate) -> bool:
    """Whether its threads waited for a core that others had.

    The kernel's clock of waiting is the evidence; switches stand in where it has none, and count too much: OpenMP yields its
    core while it spins.
    """
    seconds = r.values.get("passes_s", 0.0)
    if seconds <= 0:
        return False
    if "waited_s" in r.values:
        return r.values["waited_s"] > STEAL * seconds * r.values.get("threads", 1.0)
    return r.values.get("involuntary_switches", 0.0) > SWITCHES_PER_S * seconds


def _noisy(seen: _Evidence) -> bool:
    return _share(seen.samples, lambda samples: quartile_spread(samples) > NOISY, 0.5)


def _process_variance(seen: _Evidence) -> bool:
    return relative_deviation(seen.headlines) > PROCESS_VARIANCE


def _drifting(seen: _Evidence) -> bool:
    return trend(seen.headlines) or _share(seen.samples, trend, 0.5)


def _bimodal(seen: _Evidence) -> bool:
    # Not the windows of sustained throughput: a device that slows down half way has two groups, and is drifting.
    return two_groups(seen.headlines) or _share(seen.timed, lambda r: two_groups(r.latency_ns), 0.5)


def _warmup(seen: _Evidence) -> bool:
    return sum("warmup_not_settled" in r.notes for r in seen.timed) * 2 > len(seen.timed)


def _throttled(seen: _Evidence) -> bool:
    def found(r: Replicate) -> bool:
        start, end = r.values.get("clock_mhz_start"), r.values.get("clock_mhz")
        slower = start is not None and end is not None and end < CLOCK * start
        half = len(r.sentinel_ns) // 2
        # The same work, before the passes and after them: the median of either side, since one interruption is no heat.
        heated = half > 0 and median(r.sentinel_ns[:half]) < CLOCK * median(r.sentinel_ns[half:])
        return slower or heated or bool(int(r.values.get("throttle", 0)) & THROTTLE_BITS)

    return _share(seen.timed, found, 0.5)


def _host_bound(seen: _Evidence) -> bool:
    both = [r for r in seen.timed if r.device_ns and r.enqueue_ns]
    return bool(both) and _share(both, lambda r: median(r.enqueue_ns) > HOST_BOUND * median(r.device_ns), 0.5)


def _clock_limited(seen: _Evidence) -> bool:
    def found(r: Replicate) -> bool:
        return bool(r.latency_ns) and median(r.latency_ns) < CLOCK_READINGS * r.values.get("clock_reading_ns", 0.0)

    return _share(seen.timed, found, 0.5)


def _page_faults(seen: _Evidence) -> bool:
    return _share(seen.timed, lambda r: (pages.share(r) or 0.0) > PAGES, 0.5)


def _noted(word: str) -> Callable[[_Evidence], bool]:
    """What a scenario found out itself and wrote down under that word."""
    return lambda seen: any(word in r.notes for r in seen.timed)


_RULES: dict[str, Callable[[_Evidence], bool]] = {
    "stolen": _stolen,
    "noisy": _noisy,
    "process_variance": _process_variance,
    "drifting": _drifting,
    "bimodal": _bimodal,
    "warmup_not_settled": _warmup,
    "throttled": _throttled,
    "host_bound": _host_bound,
    "clock_limited": _clock_limited,
    "page_faults": _page_faults,
    "bound_not_met": _noted("bound_not_met"),
    "too_short": _noted("too_short"),
}


def with_drift(values: dict[str, Any], found_drift: drift.Drift | None) -> dict[str, Any]:
    """The intervals of a row with the drift of the machine in them; what this run alone says stays in `_run_`.

    A rate is the inverse of a time, so a machine that was faster than usual has its usual rate below.
    """
    if found_drift is None:
        return {}
    found: dict[str, Any] = {}
    spread, offset = found_drift.spread, found_drift.offset
    for column, sign in (("latency_s", 1.0), ("throughput_per_s", -1.0)):
        middle, low, high = (values.get(f"{column}{end}") for end in ("", "_low", "_high"))
        if middle is not None and low is not None and high is not None:
            found[f"{column}_low"], found[f"{column}_high"] = widened(middle, (low, high), spread, sign * offset)
    if found:
        found["drift_share"] = math.expm1(spread + abs(offset))
        found["drift_offset"] = math.expm1(-offset)
    return found


def width_flags(values: Mapping[str, Any], asked: float | None) -> list[str]:
    """Whether the interval that decides when a case is done is there, and as narrow as `asked`; and if not, for what reason.

    What the stopping rule watches is this run's own interval; drift is a property of the machine, and a flag of its own.
    """
    column = "throughput_per_s" if values.get("latency_s") is None else "latency_s"
    if not values.get(column):
        return []
    own, shown, share = _half_width(values, column, "_run"), _half_width(values, column), values.get("drift_share") or 0.0
    if own is None or shown is None:
        return ["no_interval"]
    if asked is None:
        return []
    found = {"imprecise": own > asked, "machine_drift": own <= asked < shown or share > max(own, asked)}
    return [name for name, true in found.items() if true]


def _half_width(values: Mapping[str, Any], column: str, kind: str = "") -> float | None:
    """Of the shown interval, or with `_run` of that of the run alone, relative to the number that it is about."""
    middle, low, high = values[column], values.get(f"{column}{kind}_low"), values.get(f"{column}{kind}_high")
    return None if low is None or high is None else float(high - low) / 2 / middle
