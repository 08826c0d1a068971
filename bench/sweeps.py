"""The number that each process stands for, which for a sweep of batches takes a choice: the batch best over all. Pure.

Also when a process may stop growing the batch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .stats import median

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .core import Case, Replicate

SCENARIO = "offline"

# A larger batch must give so much more throughput to be worth its latency and its memory. Within a process steps spread
# by about 1 % on an idle machine, so that this is more than noise and less than a reader would want to leave lying.
GAIN = 0.03
# One batch may fall on a bad algorithm or a bad moment; two in a row that bring nothing are a plateau.
PATIENCE = 2


def goes_on(rates: Sequence[float]) -> bool:
    """Whether a larger batch is worth trying, from the throughput of each batch so far, smallest batch first."""
    if len(rates) <= PATIENCE:
        return True
    return max(rates[-PATIENCE:]) > (1.0 + GAIN) * max(rates[:-PATIENCE])


def best(rates: Mapping[int, float]) -> int:
    """The smallest batch whose throughput is within 3 % of the highest. Raises ValueError when there is none.

    Not simply the highest: on a plateau that would be a matter of chance, and its throughput would be biased upwards.
    """
    enough = max(rates.values(), default=0.0) / (1.0 + GAIN)
    return min(batch for batch, rate in rates.items() if rate >= enough)


def batches(case: Case, replicates: Iterable[Replicate]) -> tuple[int, ...]:
    """The batches that the first process of an offline case has measured; all later ones measure them. Empty before it."""
    if case.scenario != SCENARIO:
        return ()
    swept = sorted((r for r in replicates if r.series and r.status == "ok"), key=lambda r: r.index)
    return tuple(int(batch) for batch, _ in swept[0].series) if swept else ()


def medians(replicates: Iterable[Replicate]) -> dict[int, float]:
    """The median throughput over processes at each batch that every one of them has measured, smallest batch first."""
    found = [{int(batch): rate for batch, rate in r.series} for r in replicates if r.series]
    common = set.intersection(*map(set, found)) if found else set()
    return {batch: median([rates[batch] for rates in found]) for batch in sorted(common)}


def rates(scenario: str, replicates: Sequence[Replicate]) -> list[float]:
    """The throughput of each process that has one, in the order given; of a sweep all at the batch that is best over all.

    Not at each one's own best: that would compare different batches, and favour what chance made fast.
    """
    if scenario == SCENARIO and (swept := medians(replicates)):
        return at(replicates, best(swept))
    found = (r.values.get("throughput_per_s") for r in replicates)
    return [rate for rate in found if rate is not None and math.isfinite(rate)]


def headlines(scenario: str, replicates: Sequence[Replicate]) -> list[float]:
    """One number per process, in the order given: what the row's interval is built over, and what decides when a case is done.

    The median latency, or the throughput where no process has a latency.
    """
    timed = [median(r.latency_ns) for r in replicates if r.latency_ns]
    return timed or rates(scenario, replicates)


def at(replicates: Iterable[Replicate], batch: int) -> list[float]:
    """The throughput at that batch, one number per process that measured it."""
    return [rate for r in replicates for size, rate in r.series if int(size) == batch]
