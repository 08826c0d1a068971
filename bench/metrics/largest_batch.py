"""The largest batch that fits a memory limit, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "largest_batch",
    unit="",
    better="higher",
    kind="counted",
    order=74,
    description="largest batch whose weights and peak_activation_bytes fit into the memory limit that was set",
    columns={"largest_batch": "counted, without what kernels take beside: what really fits is at most this"},
)
def largest_batch(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As counted where a limit was set."""
    del case
    found = values(replicates, "largest_batch")
    return {"largest_batch": int(max(found)) if found else None}
