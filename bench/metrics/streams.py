"""Streams: whether callers that share a device are served alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "streams",
    unit="",
    better="higher",
    kind="sampled",
    order=26,
    description="the concurrent scenario: requests of the stream that was served least over those of the one served most",
    columns={"stream_balance": "1 where all streams were served alike, near 0 where one starved; median over processes"},
)
def streams(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The median over processes."""
    del case
    return middle(replicates, "stream_balance")
