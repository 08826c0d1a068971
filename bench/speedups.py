"""The second pass over the rows of a run: narrower precisions against fp32, smaller networks against whole ones.

Nothing is measured again: a speed-up is a ratio of what two rows of the run have, process by process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from . import causes, savings, sweeps
from .core import STEADY
from .stats import median, median_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .core import Case, Replicate, Result

BASE, WHOLE = "fp32", "none"


def told(results: Sequence[Result], replicates: Mapping[str, Sequence[Replicate]]) -> tuple[Result, ...]:
    """The same rows, in which every one that is ok knows its speed-up over its fp32 sibling, where the run has that.

    One of a compressed network knows its speed-up over the uncompressed one too, and what was saved.
    """
    by_case = {result.case: result for result in results}
    found = []
    for result in results:
        base = by_case.get(msgspec.structs.replace(result.case, precision=BASE))
        values: dict[str, Any] = {}
        if result.case.precision != BASE and base is not None and base.status == result.status == "ok":
            values = compared(result, base, replicates.get(result.case.id, ()), replicates.get(base.case.id, ()))
        if result.case.compression != WHOLE and result.status == "ok":
            values |= smaller(result, by_case.get(msgspec.structs.replace(result.case, compression=WHOLE)), replicates)
        found.append(msgspec.structs.replace(result, values=result.values | values) if values else result)
    return tuple(found)


def compared(own: Result, base: Result, mine: Sequence[Replicate], theirs: Sequence[Replicate]) -> dict[str, Any]:
    """The columns of the metric `speedup` for one row; empty where the two share no measure of speed."""
    ratio, interval = speedup(own.case, mine, theirs)
    if ratio is None:
        return {}
    low, high = interval or (None, None)
    found: dict[str, Any] = {"speedup_over_fp32": ratio, "speedup_over_fp32_low": low, "speedup_over_fp32_high": high}
    if ratio < causes.HARDLY:
        # An interval that reaches further leaves open whether there is anything to explain.
        doubt = f"; its interval reaches {high:.3g} times" if high is not None and high >= causes.HARDLY else ""
        found["slow_cause"] = causes.cause(_side(own, mine), _side(base, theirs)) + doubt
    return {name: value for name, value in found.items() if value is not None}


def smaller(own: Result, whole: Result | None, replicates: Mapping[str, Sequence[Replicate]]) -> dict[str, Any]:
    """The columns of the metric `savings` for the row of a compressed network; `whole` is that of the network as it was."""
    ratio, interval = None, None
    if whole is not None and whole.status == "ok":
        ratio, interval = speedup(own.case, replicates.get(own.case.id, ()), replicates.get(whole.case.id, ()))
    low, high = interval or (None, None)
    found = {
        "speedup_over_uncompressed": ratio,
        "speedup_over_uncompressed_low": low,
        "speedup_over_uncompressed_high": high,
        "saved": savings.sentence(own.case, own.values, None if whole is None else whole.values, ratio, interval),
    }
    return {name: value for name, value in found.items() if value is not None}


def speedup(
    case: Case, mine: Sequence[Replicate], theirs: Sequence[Replicate]
) -> tuple[float | None, tuple[float, float] | None]:
    """How many times as many images in a second, and the 95 % interval where enough rounds have a process of both.

    Processes of one round ran within minutes of each other, so what changes from round to round cancels.
    """
    own, base = rates(case, mine), rates(case, theirs)
    if own.keys() & base.keys():
        ratios = [own[key] / base[key] for key in sorted(own.keys() & base.keys())]
        return median(ratios), median_interval(ratios)
    if not own or not base or {kind for kind, _ in own} != {kind for kind, _ in base}:
        return None, None
    return median(list(own.values())) / median(list(base.values())), None


def rates(case: Case, replicates: Sequence[Replicate]) -> dict[tuple[str, int], float]:
    """Images per second by the kind of pass and the round: of the throughput pass, or of single requests where there is none."""
    timed = [r for r in replicates if r.role == "measure" and r.status == "ok"]
    if case.scenario == sweeps.SCENARIO and (swept := sweeps.medians(timed)):
        batch = sweeps.best(swept)
        by_round = {r.round: sweeps.at([r], batch) for r in timed}
    else:
        by_round = {r.round: sweeps.rates(case.scenario, [r]) for r in timed}
    found = {("throughput", number): found[0] for number, found in by_round.items() if found and found[0] > 0}
    return found or {("latency", r.round): case.batch * 1e9 / median(r.latency_ns) for r in timed if r.latency_ns}


def _side(row: Result, replicates: Sequence[Replicate]) -> causes.Side:
    """What the cause is looked for in: the account, the time of a request, and what the machine's ceilings make of the counts."""
    from .metrics import executed  # registering a metric asks `results` for its columns, which imports this  # noqa: PLC0415

    case, values = row.case, row.values
    shares = values.get("executed_precision") or {}
    # Data is as wide as what computes on it; what is not known counts as fp32.
    width = sum(share / causes.NARROWER.get(name, 1.0) for name, share in shares.items()) or 1.0
    moved, macs, peak = (values.get(name) for name in ("bytes_moved", "macs", "peak_flops"))
    bandwidth = values.get("bandwidth_bytes_per_s")
    steady = case.phase == "infer" and case.scenario.partition(":")[0] in STEADY
    speeds = list(rates(case, replicates).values()) if steady else []
    return causes.Side(
        precision=case.precision,
        operators=executed.account(replicates),
        seconds=case.batch / median(speeds) if speeds else None,
        traffic_s=moved * width / bandwidth if steady and moved and bandwidth else None,
        arithmetic_s=2.0 * macs * case.batch / peak if steady and macs and peak else None,
        peak=peak,
    )
