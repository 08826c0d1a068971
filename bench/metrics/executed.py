"""What really ran: the precisions that the engine computed in, by its own account, as shares of the multiply-accumulates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..registry import metric
from . import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Operator, Replicate

# Of multiply-accumulates that were counted and that the engine's account does not name.
UNKNOWN = "unknown"
# How far the account may be from the counted sum: what an engine folds or pads is less, a layer that it leaves out is more.
TOLERANCE = 0.01
MOSTLY = 0.5


@metric(
    "executed",
    unit="",
    better="higher",
    kind="derived",
    order=78,
    description="precisions that the engine computed in, by its own account of what it runs; multiply-accumulates that were "
    "counted and are not in it are unknown, and empty is an engine that says nothing",
    columns={
        "executed_precision": "share of the multiply-accumulates by precision",
        "executed_share": "share in the precision that was asked for",
    },
)
def executed(case: Case, replicates: Sequence[Replicate]) -> dict[str, Any]:
    """From the account that the engine gave in the check, held against what was counted."""
    found = shares(account(replicates), _macs(replicates))
    return {"executed_precision": found or None, "executed_share": found.get(case.precision, 0.0) if found else None}


def account(replicates: Sequence[Replicate]) -> tuple[Operator, ...]:
    """What the engine says it runs; empty where it says nothing."""
    return next((r.operators for r in replicates if r.operators), ())


def shares(operators: Sequence[Operator], macs: int | None) -> dict[str, float]:
    """Shares of the multiply-accumulates by precision, the largest first; they add up to 1. Empty where there are none.

    Where the account holds less than was counted, the rest is `unknown`: whatever ran it is not claimed to be of any precision.
    Where it holds more, or nothing was counted, the shares are those of the account alone.
    """
    sums: dict[str, int] = {}
    for operator in operators:
        sums[operator.precision] = sums.get(operator.precision, 0) + operator.macs
    total = sum(sums.values())
    if total <= 0:
        return {}
    if macs and total < (1.0 - TOLERANCE) * macs:
        sums[UNKNOWN], total = sums.get(UNKNOWN, 0) + macs - total, macs
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return {precision: part / total for precision, part in ranked if part}


def flags(case: Case, replicates: Sequence[Replicate]) -> list[str]:
    """What the account says against a row: `mostly_other_precision`, and `account_disagrees` where it is not of these MACs."""
    operators, macs = account(replicates), _macs(replicates)
    found = shares(operators, macs)
    other = sum(share for precision, share in found.items() if precision not in {case.precision, UNKNOWN})
    total = sum(operator.macs for operator in operators)
    apart = bool(found and macs) and abs(total - (macs or 0)) > TOLERANCE * (macs or 0)
    # What is unknown may have run as it was asked for, and is no evidence that it did not.
    return ["mostly_other_precision"] * (other > MOSTLY) + ["account_disagrees"] * apart


def _macs(replicates: Sequence[Replicate]) -> int | None:
    found = counted(replicates)
    return None if found is None else found.macs
