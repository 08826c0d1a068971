"""Device memory, under three names that are not the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

COLUMNS = {
    "peak_device_bytes": "what tensors took at most: weights, one input, activations, workspaces",
    "reserved_device_bytes": "what the allocator took from the device at most, to give tensors from it",
    "process_device_bytes": "what the driver counts for the process: that, and the context with its kernels",
}


@metric(
    "device_memory",
    unit="B",
    better="lower",
    kind="sampled",
    order=41,
    description="memory of the device in one more forward after warm-up, caches given back and peaks reset before it",
    columns=COLUMNS,
)
def device_memory(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The largest over processes: a budget must hold for each of them."""
    del case
    found = {name: values(replicates, name) for name in COLUMNS}
    return {name: int(max(peaks)) if peaks else None for name, peaks in found.items()}
