"""Request latency: what one caller waits for one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from ..stats import median, median_interval, supported_percentile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

NS = 1e-9


@metric(
    "latency",
    unit="s",
    better="lower",
    kind="sampled",
    order=10,
    description="synchronise, read the clock, forward, synchronise: the median over fresh processes of each one's median",
    columns={
        "latency_s": "median over processes",
        "latency_s_low": "lower end of its 95 % interval, the machine's drift included",
        "latency_s_high": "upper end of its 95 % interval, the machine's drift included",
        "latency_s_run_low": "lower end of the interval of this run alone",
        "latency_s_run_high": "upper end of the interval of this run alone",
        "drift_share": "what the machine's drift adds to the interval at most, relative, as the sentinel shows it",
        "drift_offset": "how much slower the sentinel ran than it usually does on this machine, relative; part of drift_share",
        "latency_s_p90": "90th percentile over all samples, where 29 or more support it",
        "latency_s_p95": "95th percentile over all samples, where 59 or more support it",
        "latency_s_p99": "99th percentile over all samples, where 299 or more support it",
        "latency_processes": "fresh processes that measured it",
        "latency_samples": "samples in all of them",
    },
)
def latency(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The median of process medians with its distribution-free interval, and the percentiles that are supported."""
    del case
    processes = [[ns * NS for ns in r.latency_ns] for r in replicates if r.latency_ns]
    if not processes:
        return {}
    medians = [median(samples) for samples in processes]
    pooled = [sample for samples in processes for sample in samples]
    low, high = median_interval(medians) or (None, None)
    return {
        "latency_s": median(medians),
        # The drift of the machine is added by those who know the whole run and the machine's history (bench/judge.py).
        "latency_s_low": low,
        "latency_s_high": high,
        "latency_s_run_low": low,
        "latency_s_run_high": high,
        "drift_share": None,
        "drift_offset": None,
        "latency_s_p90": supported_percentile(pooled, 0.90),
        "latency_s_p95": supported_percentile(pooled, 0.95),
        "latency_s_p99": supported_percentile(pooled, 0.99),
        "latency_processes": len(medians),
        "latency_samples": len(pooled),
    }
