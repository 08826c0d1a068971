"""Batch sweep: the batch from which on throughput hardly grows, and where memory ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import sweeps
from ..registry import metric
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "batch_sweep",
    unit="",
    better="none",
    kind="sampled",
    order=22,
    description="the offline scenario: batches that double until two in a row bring less than 3 % more throughput, until memory "
    "is out, or until the time of the passes is over",
    columns={
        "best_batch": "the smallest batch within 3 % of the highest throughput, by the medians over processes",
        "oom_batch": "the smallest batch that ran out of memory, where one did",
        "throughput_by_batch": "median images per second of each batch that every process measured",
        "sweep_ended": "why the first process ended its sweep",
    },
)
def batch_sweep(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """From the series of all processes."""
    rates = sweeps.medians(replicates) if case.scenario == sweeps.SCENARIO else {}
    full = values(replicates, "oom_batch")
    return {
        "best_batch": sweeps.best(rates) if rates else None,
        "oom_batch": int(min(full)) if full else None,
        "throughput_by_batch": {str(batch): rate for batch, rate in rates.items()} or None,
        "sweep_ended": next((r.notes["sweep_ended"] for r in replicates if "sweep_ended" in r.notes), None),
    }
