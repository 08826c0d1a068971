"""Transfer: what it costs to bring a batch to the device and its answers back, which latency leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

_COLUMNS = {
    "h2d_s": "one batch of inputs from the host to the device, out of pinned memory",
    "d2h_s": "the outputs of one batch from the device to the host, into pinned memory",
    "h2d_pageable_s": "the same as h2d_s, out of pageable memory",
    "d2h_pageable_s": "the same as d2h_s, into pageable memory",
}


@metric(
    "transfer",
    unit="s",
    better="lower",
    kind="sampled",
    order=28,
    description="copies between host and device, each synchronised, apart from latency; none where the device is the processor",
    columns=_COLUMNS,
)
def transfer(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The medians over processes of each one's median."""
    del case
    found: dict[str, Any] = {}
    for name in _COLUMNS:
        found |= middle(replicates, name)
    return found
