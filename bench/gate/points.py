"""What a file of the gate says, as the formats of `vbench export` take it: head's own numbers, and their ratio to each base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exports.points import Compared, Origin, Point
from ..stats import median, median_interval
from .effects import number
from .outcome import outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Direction
    from .log import About, Log, Pair
    from .outcome import Row

# Rows that rest on all the pairs that the rule asks for.
SAID = {"regression", "pass", "improvement", "inconclusive", "accepted"}
_UNITS = {"latency": "s", "throughput": "1/s", "memory": "B", "compile": "s"}
_SECONDS = 1e-9
# Of the effect, as the bounds of verdicts.py: each is missed with a chance of 5 %.
_CONFIDENCE = 0.90


def compared(log: Log) -> Compared:
    """All of it; a row that rests on too few pairs, or on a wrong answer, has no number and a line that says why."""
    found, head = outcome(log), log.head
    points: list[Point] = []
    left: list[str] = []
    cases = {case.id: case for case in head.cases}
    for row in found.rows:
        case = cases.get(row.case)
        if case is None or row.verdict not in SAID or row.effect is None:
            left.append(f"{row.case} {row.metric}".strip() + f": {row.verdict}" + (f": {row.reason}" if row.reason else ""))
            continue
        # What the effect was estimated from: the first stage has chosen the case, and would flatter it.
        pairs = log.of(row.against, case, "confirm") or log.of(row.against, case, "screen")
        if row.against == "base" and (own := _own(row, pairs)) is not None:
            points.append(own)
        points.append(_ratio(row, row.effect))
    sides = head.sides
    origin = Origin(head.machine, head.gate_id, head.started, _commit(sides["head"]), sides["head"].versions)
    return Compared(origin, _commit(sides["base"]), found, points, left)


def _commit(side: About) -> str:
    return f"{side.commit}-dirty" if side.commit and side.dirty else side.commit


def _own(row: Row, pairs: Sequence[Pair]) -> Point | None:
    """Head's number: the median over its processes, with the interval of `vbench run`."""
    sizes = [_size(row.metric, size) for pair in pairs if (size := number(pair.head, row.metric)) is not None]
    if not sizes:
        return None
    low, high = median_interval(sizes) or (None, None)
    better: Direction = "higher" if row.metric == "throughput" else "lower"
    return Point(
        case=row.case, architecture=row.architecture, metric=row.metric, unit=_UNITS[row.metric], better=better,
        value=median(sizes), low=low, high=high, notes=(f"processes: {len(sizes)}", *_flags(row)),
    )  # fmt: skip


def _size(metric: str, size: float) -> float:
    """In the unit of the metric: the gate has nanoseconds, and nanoseconds per image."""
    if metric == "throughput":
        return 1 / (size * _SECONDS)
    return size * _SECONDS if metric == "latency" else size


def _ratio(row: Row, effect: float) -> Point:
    low, high = (None if end is None else 1 + end for end in (row.low, row.high))
    said = f"verdict: {row.verdict}" + (f", {row.reason}" if row.reason else "")
    return Point(
        case=row.case, architecture=row.architecture, metric=row.metric, unit="ratio", better="lower", value=1 + effect, low=low,
        high=high, confidence=_CONFIDENCE, against=row.against, notes=(said, f"pairs: {row.pairs}", *_flags(row)),
    )  # fmt: skip


def _flags(row: Row) -> tuple[str, ...]:
    return (f"flags: {', '.join(row.flags)}",) if row.flags else ()
