"""Traffic: the bytes that the operators of a forward pass read and write, and the work done for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "traffic",
    unit="B",
    better="lower",
    kind="counted",
    order=76,
    description="bytes that the operators of one forward pass read and write at the case's batch, each tensor once per operator",
    columns={
        "bytes_moved": "views move nothing, an operator in place reads and writes",
        "arithmetic_intensity": "flops of the batch for each byte moved",
    },
)
def traffic(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As counted; the intensity of the executed operators, none of them fused."""
    del case
    found = counted(replicates)
    if found is None:
        return {}
    moved, flops = found.bytes_moved, 2 * found.macs * found.batch
    return {"bytes_moved": moved, "arithmetic_intensity": flops / moved if moved else None}
