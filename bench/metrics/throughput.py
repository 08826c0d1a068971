"""Throughput: images per second under continuous submission, from a pass of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import sweeps
from ..registry import metric
from ..stats import median, median_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "throughput",
    unit="1/s",
    better="higher",
    kind="sampled",
    order=20,
    description="images per second, submitted without waiting for each step; never 1 / latency; of a sweep "
    "at its best batch, of several streams together, of a long run the median over its windows",
    columns={
        "throughput_per_s": "median over processes",
        "throughput_per_s_low": "lower end of its 95 % interval, the machine's drift included",
        "throughput_per_s_high": "upper end of its 95 % interval, the machine's drift included",
        "throughput_per_s_run_low": "lower end of the interval of this run alone",
        "throughput_per_s_run_high": "upper end of the interval of this run alone",
        "throughput_processes": "fresh processes that measured it",
    },
)
def throughput(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The median over processes with its distribution-free interval; in a sweep all at the batch that is best over all."""
    rates = sweeps.rates(case.scenario, replicates)
    if not rates:
        return {}
    low, high = median_interval(rates) or (None, None)
    return {
        "throughput_per_s": median(rates),
        # The drift of the machine is added by those who know the whole run and the machine's history (bench/judge.py).
        "throughput_per_s_low": low,
        "throughput_per_s_high": high,
        "throughput_per_s_run_low": low,
        "throughput_per_s_run_high": high,
        "throughput_processes": len(rates),
    }
