"""What was taken out of a network to make it smaller: channels that are gone, and weights that are zeros and still there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compression import split
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
        "ranked_by": "the pictures that channels were ranked by; empty where no step looks at any",
        "zeros": "weights of convolutions and linear layers that are zero; empty where no step works on single weights",
    },
)
def compression(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As the check of the case found them."""
    removed, zeros = (values(replicates, name) for name in ("removed_channels", "zeros"))
    return {
        "removed_channels": int(removed[0]) if removed else None,
        "ranked_by": _ranked_by(case, replicates),
        "zeros": int(zeros[0]) if zeros else None,
    }


def _ranked_by(case: Case, replicates: Sequence[Replicate]) -> str | None:
    """What each step noted of the pictures that it looked at; a network as it is has no such notes."""
    names = dict.fromkeys(name for name, _ in split(case.compression))
    for replicate in replicates:
        if told := dict.fromkeys(replicate.notes[f"{name} data"] for name in names if f"{name} data" in replicate.notes):
            return "; ".join(told)
    return None
