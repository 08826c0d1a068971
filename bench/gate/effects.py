"""What a pair says of each metric, and what is said against pairs: a process that failed, an answer that changed, a flag."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import judge
from ..stats import median, same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .log import Half, Pair

_HALF = 0.5
# Signal over error that an answer must keep, a thousandth of its size: the same code on the same machine differs by nothing,
# and other kernels, as of another torch, round otherwise.
ANSWER_DB = 60.0


# What each metric is in one process, in the order of its batches: lower is better.
def _latency(half: Half) -> list[float]:
    return [float(median(batch)) for batch in half.batches]


def _throughput(half: Half) -> list[float]:
    return [nanoseconds / images for images, nanoseconds in half.rates]


def _memory(half: Half) -> list[float]:
    found = half.values.get("peak_device_bytes", half.values.get("peak_host_bytes"))
    return [] if found is None else [found]


def _compile(half: Half) -> list[float]:
    return [half.values["compile_s"]] if "compile_s" in half.values else []


_NUMBERS: dict[str, Callable[[Half], list[float]]] = {
    "latency": _latency,
    "throughput": _throughput,
    "memory": _memory,
    "compile": _compile,
}


def number(half: Half, metric: str) -> float | None:
    """What one process found: the median over its turns; None where it has none."""
    found = _NUMBERS[metric](half)
    return median(found) if found else None


def effect(pair: Pair, metric: str) -> float | None:
    """The logarithm of head over base, so that positive is worse; None where either has no number.

    Of what was measured by turns it is the median over the turns: batches that follow each other see the same machine.
    """
    both = zip(_NUMBERS[metric](pair.base), _NUMBERS[metric](pair.head), strict=False)
    sizes = [math.log(head / base) for base, head in both if base > 0 and head > 0]
    # What differs in the last bits only is equal: a logarithm and that of the inverse need not be each other's negative, and
    # swapped labels must give the same ranks.
    return round(median(sizes), 12) if sizes else None


def invalid(pairs: Sequence[Pair], *, allow_output_change: bool) -> str:
    """Why nothing can be said of a case, or "": a process that failed, or an answer that changed."""
    for pair in pairs:
        for side, half in (("base", pair.base), ("head", pair.head)):
            if half.status not in ("ok", "skipped"):
                return f"{side} {half.status}: {half.reason}"
    if not allow_output_change:
        for pair in pairs:
            if not same(pair.base.output, pair.head.output, ANSWER_DB):
                return "output changed: if that is meant, --allow-output-change"
    return ""


def flags(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """What happened to the processes of a case: to a quarter of the pairs, or to half of them where it is no burst."""
    halves = [(pair.base, pair.head) for pair in pairs]
    rules: dict[str, tuple[float, Callable[[Half], bool]]] = {
        "stolen": (judge.SHARE, lambda half: half.values.get("steal_share", 0.0) > judge.STEAL),
        "throttled": (_HALF, _throttled),
        "warmup_not_settled": (_HALF, lambda half: "warmup_not_settled" in half.notes),
        "clock_limited": (_HALF, _clock_limited),
    }
    return tuple(
        flag
        for flag, (share, found) in rules.items()
        if halves and sum(any(map(found, two)) for two in halves) > share * len(halves)
    )


def _throttled(half: Half) -> bool:
    start, end = half.values.get("clock_mhz_start"), half.values.get("clock_mhz")
    slower = start is not None and end is not None and end < judge.CLOCK * start
    return slower or bool(int(half.values.get("throttle", 0)) & judge.THROTTLE_BITS)


def _clock_limited(half: Half) -> bool:
    batches = _latency(half)
    return bool(batches) and median(batches) < judge.CLOCK_READINGS * half.values.get("clock_reading_ns", 0.0)
