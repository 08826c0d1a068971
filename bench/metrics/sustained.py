"""Sustained throughput: what is left of the first seconds when the device has become hot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

_COLUMNS = {
    "sustained_ratio": "throughput of the last fifth of the time over that of the first fifth",
    "throughput_first_per_s": "median of the windows in the first fifth of the time",
    "throughput_last_per_s": "median of the windows in the last fifth of the time",
}


@metric(
    "sustained",
    unit="",
    better="higher",
    kind="sampled",
    order=24,
    description="the sustained scenario: throughput in windows of about a second for as long as asked, which heats the device",
    columns=_COLUMNS,
)
def sustained(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """As summed up by the process; the windows themselves are in its series."""
    del case
    found: dict[str, Any] = {}
    for name in _COLUMNS:
        found |= middle(replicates, name)
    return found
