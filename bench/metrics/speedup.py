"""Speed-ups: of a narrower precision over fp32, with the cause where there is hardly one; of a smaller network over the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Replicate


COLUMNS = {
    "speedup_over_fp32": "median over pairs of processes; by latency where there is no throughput",
    "speedup_over_fp32_low": "lower end of its 95 % interval",
    "speedup_over_fp32_high": "upper end of its 95 % interval",
    "slow_cause": "why it is under 1.2 times: the largest causes, with what the case would be without each",
}


@metric(
    "speedup",
    unit="",
    better="higher",
    kind="derived",
    order=21,
    description="images per second over those of the same case in fp32 in the same run, in pairs of processes of one round; and "
    "below 1.2 times the cause, from the engine's account of both",
    columns=COLUMNS,
)
def speedup(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """Nothing yet: those who know the other cases of the run add it (bench/speedups.py)."""
    del case, replicates
    return dict.fromkeys(COLUMNS)


SAVED = {
    "speedup_over_uncompressed": "median over pairs of processes; by latency where there is no throughput",
    "speedup_over_uncompressed_low": "lower end of its 95 % interval",
    "speedup_over_uncompressed_high": "upper end of its 95 % interval",
    "saved": "what the compression saved, in a sentence: MACs, bytes on disk, and time as far as it was measured",
}


@metric(
    "savings",
    unit="",
    better="higher",
    kind="derived",
    order=23,
    description="images per second of a compressed network over those of the uncompressed one in the same run, in pairs of "
    "processes of one round",
    columns=SAVED,
)
def savings(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """Nothing yet, as above."""
    del case, replicates
    return dict.fromkeys(SAVED)
