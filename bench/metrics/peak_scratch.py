"""What the kernels of a forward pass take beside its activations, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "peak_scratch",
    unit="B",
    better="lower",
    kind="sampled",
    order=73,
    description="how far the allocator's peak in one eager forward pass on the processor rises above peak_activation_bytes",
    columns={"peak_scratch_bytes": "workspaces and reordered weights of the kernels, from the profiler's record"},
)
def peak_scratch(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As measured once, by the worker that counted."""
    del case
    found = values(replicates, "peak_scratch_bytes")
    return {"peak_scratch_bytes": int(max(found)) if found else None}
