"""Open-loop load: how many queries a second a server answers within a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import middle, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate

_WORDS = ("bound_not_met", "too_short", "server")


@metric(
    "server",
    unit="1/s",
    better="higher",
    kind="sampled",
    order=25,
    description="the largest rate of Poisson arrivals whose 99th percentile, from scheduled arrival, stays within the bound",
    columns={
        "server_qps": "queries that arrived in a second, in the last trial that passed",
        "server_p50_s": "median from scheduled arrival, in that trial",
        "server_p99_s": "99th percentile from scheduled arrival, in that trial",
        "server_queries": "queries of that trial",
        "server_trials": "trials of the search and of its confirmation",
        "server_note": "how the rate was found, or why there is none",
    },
)
def server(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """What the process found that searched."""
    del case
    found = middle(replicates, "server_qps") | middle(replicates, "server_p50_s") | middle(replicates, "server_p99_s")
    for name in ("server_queries", "server_trials"):
        counts = values(replicates, name)
        found[name] = int(counts[0]) if counts else None
    notes = [r.notes[word] for r in replicates for word in _WORDS if word in r.notes]
    return found | {"server_note": "; ".join(notes) or None}
