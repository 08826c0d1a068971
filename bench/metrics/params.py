"""Parameters and their bytes: what the network weighs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "params",
    unit="",
    better="lower",
    kind="counted",
    order=50,
    description="elements of unique parameter tensors, tied ones once; trainable ones and buffers apart; bytes as held",
    columns={
        "params": "elements of unique parameters",
        "trainable_params": "those that require a gradient",
        "buffers": "elements of buffers, such as batch-norm statistics",
        "weight_bytes": "bytes of parameters and buffers as the prepared engine holds them",
    },
)
def params(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As counted."""
    del case
    found = counted(replicates)
    if found is None:
        return {}
    return {
        "params": found.params,
        "trainable_params": found.trainable_params,
        "buffers": found.buffers,
        "weight_bytes": found.weight_bytes,
    }
