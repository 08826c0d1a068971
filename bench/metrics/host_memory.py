"""Host memory: the high-water mark of the worker's resident set during the measured pass, and what it began with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from ..stats import median
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
    columns={
        "peak_host_bytes": "largest over processes",
        "base_host_bytes": "resident set after the imports and before there is a network, median over processes",
    },
)
def host_memory(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """The largest peak over processes, since a budget must hold for each of them; what was there before, apart."""
    del case
    peaks = values(replicates, "peak_host_bytes")
    bases = values(replicates, "base_host_bytes")
    return {
        "peak_host_bytes": int(max(peaks)) if peaks else None,
        "base_host_bytes": int(median(bases)) if bases else None,
    }
