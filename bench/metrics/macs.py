"""Multiply-accumulates, and FLOPs as exactly twice as many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "macs",
    unit="",
    better="lower",
    kind="counted",
    order=60,
    description="multiply-accumulates of convolution, linear and matrix products per image, bias excluded; flops = 2 x macs",
    columns={
        "macs": "multiply-accumulates per image",
        "flops": "always 2 x macs",
        "other_ops": "output elements of every other arithmetic operator, never added to macs",
        "uncounted_ops": "operators that no rule covers, with their number of calls",
    },
)
def macs(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As counted by the first counter; the second one's disagreement is a flag."""
    del case
    found = counted(replicates)
    if found is None:
        return {}
    return {"macs": found.macs, "flops": 2 * found.macs, "other_ops": found.other_ops, "uncounted_ops": found.uncounted_ops}
