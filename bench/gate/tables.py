"""What the gate's test of itself comes to, as tables in Markdown. Pure."""

from __future__ import annotations

from collections import defaultdict
from statistics import stdev
from typing import TYPE_CHECKING

from scipy.stats import median_abs_deviation

from .. import units
from ..stats import median
from . import outcome, selftest
from .selftest import OTHERS, POOLED, REPLAYS, Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .log import Log
    from .outcome import Row

# Slowdowns that are added to pairs of identical code, to see which of them the rule finds.
SHIFTS = (0.02, 0.03, 0.05, 0.08, 0.10, 0.20)


def report(logs: Sequence[Log], count: int = REPLAYS) -> str:
    """The tables over all runs that are complete: those of a quiet machine, and those with a neighbour."""
    groups: dict[bool, dict[float, list[Log]]] = {False: defaultdict(list), True: defaultdict(list)}
    for log in logs:
        if log.ended == "complete":
            groups[log.head.neighbour][log.head.inject].append(log)
    parts = []
    for neighbour, by_size in groups.items():
        if not by_size:
            continue
        if neighbour:
            parts.append(f"With a neighbour: {_load([log for found in by_size.values() for log in found])}")
        same = by_size.pop(0.0, [])
        parts.append(_identical(same, count) if same else "No run of identical code is complete yet.")
        if by_size:
            parts.append(_planted(by_size))
    return "\n\n".join(parts) if parts else "No run is complete yet."


def _load(logs: Sequence[Log]) -> str:
    """For how much of the time the neighbour was there."""
    away = sum(end - start for log in logs for start, end in log.bursts)
    # Counting and starting are not in the pairs; the span from the first to the last is what can be told from the file.
    starts = [min(pair.started_s for pair in log.pairs) for log in logs if log.pairs]
    ends = [max(pair.started_s + pair.seconds for pair in log.pairs) for log in logs if log.pairs]
    whole = sum(ends) - sum(starts)
    number = sum(len(log.bursts) for log in logs)
    return f"{number} bursts of `stress-ng --cpu 1`, {units.percent(away / whole if whole else None)} of the time."


def _identical(logs: Sequence[Log], count: int) -> str:
    """False reds, of the gate and of other rules on the same pairs; and what pairs of this kind would have shown."""
    reds = Rate(sum(map(selftest.red, logs)), len(logs))
    mirrored = Rate(sum(not selftest.asymmetric(log) for log in logs), len(logs))
    said_first = (
        f"Identical code on both sides, {len(logs)} runs: red in {reds}; of {count:,} replays with labels drawn anew, "
        f"{selftest.replays(logs, count)}. Labels swapped, the verdicts are mirrored in {mirrored}."
    )
    lines = [said_first, "", "| rule | red runs | red cases |", "| --- | --- | --- |"]
    rows = [row for log in logs for row in outcome.outcome(log).rows]
    lines.append(f"| vbench gate | {reds} | {Rate(sum(row.verdict == 'regression' for row in rows), len(rows))} |")
    said = [selftest.others(log) for log in logs]
    for name in (*OTHERS, POOLED):
        runs = [any(one[name].values()) for one in said]
        each = [wrong for one in said for wrong in one[name].values()]
        lines.append(f"| {name} | {Rate(sum(runs), len(runs))} | {Rate(sum(each), len(each))} |")
    words = " ".join(f"{word}: {Rate(sum(row.verdict == word for row in rows), len(rows))}." for word in ("pass", "inconclusive"))
    return "\n".join([*lines, "", words, "", *_pairs(logs)])


def _pairs(logs: Sequence[Log]) -> list[str]:
    """By case, how pairs of identical code spread, and what the rule finds where a slowdown is added to them."""
    power = selftest.power(logs)
    shifted = {size: selftest.shifted(logs, size) for size in SHIFTS}
    titles = " | ".join(units.change(size) for size in SHIFTS)
    lines = [
        f"| case | pairs | their spread (standard deviation; robust) | {titles} | what it would see |",
        f"| --- | ---: | --- |{' ---: |' * len(SHIFTS)} ---: |",
    ]
    for case, sizes in sorted(selftest.sizes_of(logs).items()):
        spread = stdev(sizes) if len(sizes) > 1 else None
        robust = float(median_abs_deviation(sizes, scale="normal"))
        shares = " | ".join(share(shifted[size].get(case)) for size in SHIFTS)
        start = f"| {case.partition('@')[0]} | {len(sizes)} | {units.percent(spread)}; {units.percent(robust)} |"
        lines.append(f"{start} {shares} | {share(power.get(case))} |")
    return lines


def share(rate: Rate | None) -> str:
    """The share alone."""
    return units.MISSING if rate is None or not rate.of else units.percent(rate.found / rate.of)


def _planted(groups: dict[float, list[Log]]) -> str:
    """How often a slowdown that was planted is called one, case by case, beside what was said to be detectable."""
    lines = ["| slowdown | called a regression | effect found (median) | would see (median) |", "| ---: | --- | ---: | ---: |"]
    for size, logs in sorted(groups.items()):
        rows = [row for log in logs for row in outcome.outcome(log).rows if row.effect is not None]
        found = Rate(sum(row.verdict == "regression" for row in rows), len(rows))
        middle = [median(known) if known else None for known in (_known(rows, "effect"), _known(rows, "detectable"))]
        lines.append(f"| {units.change(size)} | {found} | {' | '.join(map(units.change, middle))} |")
    return "\n".join(lines)


def _known(rows: Sequence[Row], name: str) -> list[float]:
    return [value for row in rows if (value := getattr(row, name)) is not None]
