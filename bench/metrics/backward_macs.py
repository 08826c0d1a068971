"""Multiply-accumulates of the backward pass, for cases that are a training step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "backward_macs",
    unit="",
    better="lower",
    kind="counted",
    order=62,
    description="multiply-accumulates of one backward pass per image; the input needs no gradient, so its first layer makes none",
    columns={
        "backward_macs": "gradients of weights and of what lies between; beside `macs`, which are those of the forward pass"
    },
)
def backward_macs(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As counted; empty where no gradients were."""
    del case
    found = counted(replicates)
    return {} if found is None else {"backward_macs": found.backward_macs}
