"""Host memory: the high-water mark of the worker's resident set during the measured pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


@metric(
    "host_memory",
    unit="B",
    better="lower",
    kind="sampled",
    order=40,
    description="peak resident set of the worker, reset before its own pass; the interpreter and its libraries are included",
    columns={"peak_host_bytes": "largest over processes"},
)
def host_memory(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The largest over processes: a budget must hold for each of them."""
    del case
    peaks = values(replicates, "peak_host_bytes")
    return {"peak_host_bytes": int(max(peaks)) if peaks else None}
