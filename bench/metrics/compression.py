"""What was taken out of a network to make it smaller: channels that are gone, and weights that are zeros and still there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "compression",
    unit="",
    better="none",
    kind="counted",
    order=71,
    description="what a compression took out: channels that are gone, with all that read them, and weights that it set to zero, "
    "which are counted, stored and multiplied like any other",
    columns={
        "removed_channels": "output channels of convolutions and linear layers that are gone; empty where nothing was pruned",
        "zeros": "weights of convolutions and linear layers that are zero; empty where no step works on single weights",
    },
)
def compression(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As the check of the case found them."""
    del case
    found = {name: values(replicates, name) for name in ("removed_channels", "zeros")}
    return {name: int(numbers[0]) if numbers else None for name, numbers in found.items()}
