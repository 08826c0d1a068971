"""Activations: how many numbers the network writes down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "activations",
    unit="",
    better="lower",
    kind="counted",
    order=70,
    description="output elements of convolution, linear and matrix products per image",
    columns={"activations": "output elements per image"},
)
def activations(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As counted."""
    del case
    found = counted(replicates)
    return {} if found is None else {"activations": found.activations}
