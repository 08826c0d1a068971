"""Device time and enqueue time: what the work takes on the device, and what handing it over takes the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from ..stats import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

NS = 1e-9


@metric(
    "device_time",
    unit="s",
    better="lower",
    kind="sampled",
    order=12,
    description="on a device that works behind the host's back: events around a step that lies behind another in the queue, and "
    "the host's time for handing one over to an empty queue",
    columns={
        "device_time_s": "between the events: median over processes of each one's median",
        "enqueue_s": "the host's time for a call that does not wait: median over processes of each one's median",
    },
)
def device_time(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The medians of process medians; empty where a call returns when its work is done."""
    del case
    return {
        "device_time_s": _middle([r.device_ns for r in replicates]),
        "enqueue_s": _middle([r.enqueue_ns for r in replicates]),
    }


def _middle(processes: Sequence[Sequence[int]]) -> float | None:
    medians = [median(samples) * NS for samples in processes if samples]
    return median(medians) if medians else None
