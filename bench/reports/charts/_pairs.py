"""Two rows of one run against each other: a ratio with its interval, from processes of the same round where there are any.

Processes of one round ran within minutes of each other, so what changes from round to round cancels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ... import speedups
from ...stats import median, median_interval

if TYPE_CHECKING:
    from ..rows import Row


class Ratio(NamedTuple):
    """A ratio with the ends of its 95 % interval where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


def speed(own: Row, base: Row) -> Ratio | None:
    """How many times as many images in a second; None where the two share no measure of speed."""
    value, interval = speedups.speedup(own.case, own.replicates, base.replicates)
    return None if value is None else Ratio(value, *(interval or ()))


def latency(of: Row, to: Row) -> Ratio | None:
    """How many times as long a request takes; None where one of the two was not timed."""
    mine, theirs = _requests(of), _requests(to)
    if not mine or not theirs:
        return None
    shared = sorted(mine.keys() & theirs.keys())
    if of.run.run_id == to.run.run_id and shared:
        ratios = [mine[number] / theirs[number] for number in shared]
        return Ratio(median(ratios), *(median_interval(ratios) or ()))
    return Ratio(median(list(mine.values())) / median(list(theirs.values())))


def _requests(row: Row) -> dict[int, float]:
    """The median request of each round's process."""
    timed = [r for r in row.replicates if r.role == "measure" and r.status == "ok" and r.latency_ns]
    return {r.round: median(r.latency_ns) for r in timed}
