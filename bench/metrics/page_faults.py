"""Page faults: what a pass pays for memory that the C allocator gave back to the system after the pass before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..pages import share
from ..registry import metric
from ..stats import median
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "page_faults",
    unit="",
    better="lower",
    kind="sampled",
    order=42,
    description="pages that the system had to hand to the worker while latency was sampled, per pass (Linux, macOS); the same "
    "network has few or many by what its process freed before",
    columns={
        "page_faults": "per pass, median over processes",
        "page_fault_share": "of the latency, at what a fresh page was seen to cost in the same process: an estimate",
    },
)
def page_faults(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The medians over processes."""
    del case
    shares = [found for r in replicates if (found := share(r)) is not None]
    return {**middle(replicates, "page_faults"), "page_fault_share": median(shares) if shares else None}
