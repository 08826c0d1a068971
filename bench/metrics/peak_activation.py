"""What a forward pass must hold at once, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "peak_activation",
    unit="B",
    better="lower",
    kind="counted",
    order=72,
    description="largest sum of live tensor bytes at an operator's end at the case's batch, input included, weights excluded",
    columns={"peak_activation_bytes": "counted by a walk over the executed operators, the same on every machine"},
)
def peak_activation(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As counted."""
    del case
    found = counted(replicates)
    return {} if found is None else {"peak_activation_bytes": found.peak_activation_bytes}
