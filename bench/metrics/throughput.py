"""Throughput: images per second under continuous submission, from a pass of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from ..stats import median, median_interval
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "throughput",
    unit="1/s",
    better="higher",
    kind="sampled",
    order=20,
    description="images per second, submitted without waiting and synchronised once at the end; never 1 / latency",
    columns={
        "throughput_per_s": "median over processes",
        "throughput_per_s_low": "lower end of its 95 % interval",
        "throughput_per_s_high": "upper end of its 95 % interval",
    },
)
def throughput(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The median over processes with its distribution-free interval."""
    del case
    rates = values(replicates, "throughput_per_s")
    if not rates:
        return {}
    low, high = median_interval(rates) or (None, None)
    return {"throughput_per_s": median(rates), "throughput_per_s_low": low, "throughput_per_s_high": high}
