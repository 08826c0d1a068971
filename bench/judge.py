"""What the evidence in the replicates says against a row: the validity flags of flags.py, from what was recorded.

Pure: a flag is derived on reading, and so can be derived again by a later rule.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from . import drift
from .stats import median
from .variance import quartile_spread, relative_deviation, trend, two_groups, widened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .core import Replicate

STEAL = 0.02
SWITCHES_PER_S = 50.0
NOISY = 0.10
PROCESS_VARIANCE = 0.05
CLOCK = 0.9
HOST_BOUND = 0.8
# A sentinel that takes so much longer than is usual in its run was not alone on its cores, whatever the kernel counted.
SENTINEL = 1.25
# A sample must last so many readings of the clock, or reading it is more than a hundredth of what is read.
CLOCK_READINGS = 100
# A row is flagged for what happened to this share of its processes: one burst moves neither the median nor its interval.
SHARE = 0.25
# NVML's reasons that mean heat or power: software power cap, hardware slowdown, software and hardware thermal, power brake.
THROTTLE_BITS = 0x4 | 0x8 | 0x20 | 0x40 | 0x80


def flags(replicates: Sequence[Replicate], usual_sentinel_s: float | None = None) -> list[str]:
    """The flags that the measuring processes give cause for, in the order of flags.py.

    `usual_sentinel_s` is what the sentinel takes in this run and the machine's history; without it, its median here.
    """
    timed = [r for r in replicates if r.role == "measure"]
    if not timed:
        return []
    if usual_sentinel_s is None:
        sentinels = drift.in_order(timed)
        usual_sentinel_s = median(sentinels) if sentinels else None
    return [name for name, found in _RULES.items() if found(timed, usual_sentinel_s)]


def _share(timed: Sequence[Replicate], found: Callable[[Replicate], bool], least: float) -> bool:
    return sum(map(found, timed)) >= least * len(timed)


def _stolen(timed: Sequence[Replicate], usual: float | None) -> bool:
    def found(r: Replicate) -> bool:
        sentinel = drift.sentinel_s(r)
        late = sentinel is not None and usual is not None and sentinel > SENTINEL * usual
        return r.values.get("steal_share", 0.0) > STEAL or late or _kept_waiting(r)

    return _share(timed, found, SHARE)


def _kept_waiting(r: Replicate) -> bool:
    """Whether its threads waited for a core that others had.

    Where several requests are under way at once its own threads take each other's cores, as they must. The kernel's clock of
    waiting is the evidence; switches stand in where it has none, and count too much: OpenMP yields its core while it spins.
    """
    seconds = r.values.get("passes_s", 0.0)
    if seconds <= 0 or "server_trials" in r.values or "stream_balance" in r.values:
        return False
    if "waited_s" in r.values:
        return r.values["waited_s"] > STEAL * seconds * r.values.get("threads", 1.0)
    return r.values.get("involuntary_switches", 0.0) > SWITCHES_PER_S * seconds


def _noisy(timed: Sequence[Replicate], _: float | None) -> bool:
    return _share(timed, lambda r: bool(r.latency_ns) and quartile_spread(r.latency_ns) > NOISY, 0.5)


def _process_variance(timed: Sequence[Replicate], _: float | None) -> bool:
    return relative_deviation([median(r.latency_ns) for r in timed if r.latency_ns]) > PROCESS_VARIANCE


def _drifting(timed: Sequence[Replicate], _: float | None) -> bool:
    ordered = [median(r.latency_ns) for r in sorted(timed, key=lambda r: r.started_s) if r.latency_ns]
    return trend(ordered) or _share(timed, lambda r: trend(r.latency_ns), 0.5)


def _bimodal(timed: Sequence[Replicate], _: float | None) -> bool:
    medians = [median(r.latency_ns) for r in timed if r.latency_ns]
    return two_groups(medians) or _share(timed, lambda r: two_groups(r.latency_ns), 0.5)


def _warmup(timed: Sequence[Replicate], _: float | None) -> bool:
    return sum("warmup_not_settled" in r.notes for r in timed) * 2 > len(timed)


def _throttled(timed: Sequence[Replicate], _: float | None) -> bool:
    def found(r: Replicate) -> bool:
        start, end = r.values.get("clock_mhz_start"), r.values.get("clock_mhz")
        slower = start is not None and end is not None and end < CLOCK * start
        half = len(r.sentinel_ns) // 2
        # The same work, before the passes and after them: the median of either side, since one interruption is no heat.
        heated = half > 0 and median(r.sentinel_ns[:half]) < CLOCK * median(r.sentinel_ns[half:])
        return slower or heated or bool(int(r.values.get("throttle", 0)) & THROTTLE_BITS)

    return _share(timed, found, 0.5)


def _host_bound(timed: Sequence[Replicate], _: float | None) -> bool:
    both = [r for r in timed if r.device_ns and r.enqueue_ns]
    return bool(both) and _share(both, lambda r: median(r.enqueue_ns) > HOST_BOUND * median(r.device_ns), 0.5)


def _clock_limited(timed: Sequence[Replicate], _: float | None) -> bool:
    def found(r: Replicate) -> bool:
        return bool(r.latency_ns) and median(r.latency_ns) < CLOCK_READINGS * r.values.get("clock_reading_ns", 0.0)

    return _share(timed, found, 0.5)


def _noted(word: str) -> Callable[[Sequence[Replicate], float | None], bool]:
    """What a scenario found out itself and wrote down under that word."""
    return lambda timed, _: any(word in r.notes for r in timed)


_RULES: dict[str, Callable[[Sequence[Replicate], float | None], bool]] = {
    "stolen": _stolen,
    "noisy": _noisy,
    "process_variance": _process_variance,
    "drifting": _drifting,
    "bimodal": _bimodal,
    "warmup_not_settled": _warmup,
    "throttled": _throttled,
    "host_bound": _host_bound,
    "clock_limited": _clock_limited,
    "bound_not_met": _noted("bound_not_met"),
    "too_short": _noted("too_short"),
}


def with_drift(values: dict[str, Any], share: float | None) -> dict[str, Any]:
    """The intervals of a row with the drift of the machine in them; what this run alone says stays in `_run_`."""
    if share is None:
        return {}
    found: dict[str, Any] = {}
    for column in ("latency_s", "throughput_per_s"):
        middle, low, high = (values.get(f"{column}{end}") for end in ("", "_low", "_high"))
        if middle is not None and low is not None and high is not None:
            found[f"{column}_low"], found[f"{column}_high"] = widened(middle, (low, high), share)
    if "latency_s_low" in found:
        found["drift_share"] = math.expm1(share)
    return found
