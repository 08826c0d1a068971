"""What an interval costs: seconds until every network has one as narrow as asked, ours against fresh processes.

Where a limit came first there is no such time, and none is made up: the table then says what one process costs and how
many the spread calls for, which is an estimate and is called one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from campaign import chance, host, markdown, ours

from vbench import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from campaign.log import Log


def reached(values: Sequence[float], interval: float) -> bool:
    """The stopping rule, for both: the median's own interval is as narrow as asked."""
    width = stats.relative_half_width(values)
    return width is not None and width <= interval


class Side(NamedTuple):
    """One tool in one repetition: seconds in all, seconds per process, and how many networks reached the interval."""

    seconds: float
    per_process: float
    reached: int
    networks: int

    @property
    def done(self) -> bool:
        """Whether every network reached it."""
        return self.reached == self.networks


def sides(repetition: dict[str, Any], interval: float) -> tuple[Side, Side]:
    """Ours and theirs. What ours spends on starting servers and on checking each network once is part of its seconds."""
    found = []
    for mine in (True, False):
        entry = repetition["vbench" if mine else "torch"]
        medians = {name: (ours.medians if mine else theirs)(row) for name, row in entry["networks"].items()}
        processes = sum(map(len, medians.values()))
        found.append(
            Side(
                seconds=entry["seconds"],
                per_process=(entry["seconds"] - entry.get("check_s", 0.0)) / max(processes, 1),
                reached=sum(reached(each, interval) for each in medians.values()),
                networks=len(medians),
            )
        )
    return found[0], found[1]


def theirs(processes: Sequence[dict[str, Any]]) -> list[float]:
    """The median of each of their processes, in seconds."""
    return [process["median_s"] for process in processes]


def times_less(mine: Side, other: Side) -> str:
    """How many times less ours took, as far as the two times say so."""
    factor = other.seconds / mine.seconds
    if mine.done and other.done:
        return f"{factor:.2f}"
    if mine.done:
        return f"at least {factor:.2f} (theirs was stopped)"
    return markdown.MISSING


class Estimate(NamedTuple):
    """A network: its processes of each tool, the robust spread of each, and the processes that the pooled spread calls for."""

    mine: int
    theirs: int
    spread_mine: float
    spread_theirs: float
    needed: int | None


def spread(medians: Sequence[float]) -> float:
    """Between processes, as a share of the median: 1.4826 times the median distance, the standard deviation were it normal."""
    middle = stats.median(medians)
    return 1.4826 * stats.median([abs(value - middle) for value in medians]) / middle


def estimate(repetitions: Sequence[dict[str, Any]], network: str, interval: float) -> Estimate:
    """Each tool's processes are taken relative to its own median, so that a bias between tools is no spread."""
    pools = []
    for mine in (True, False):
        rows = [r["vbench" if mine else "torch"]["networks"].get(network) for r in repetitions]
        pools.append([value for row in rows if row for value in (ours.medians if mine else theirs)(row)])
    relative = [value / stats.median(pool) for pool in pools if pool for value in pool]
    one, other = (spread(pool) if pool else 0.0 for pool in pools)
    return Estimate(len(pools[0]), len(pools[1]), one, other, chance.processes_needed(relative, interval))


def report(log: Log) -> str:
    """What was measured, then what is estimated."""
    repetitions = log.ordered()
    interval = repetitions[0]["interval"]
    both = [sides(repetition, interval) for repetition in repetitions]
    rows = [
        (
            str(repetition["repetition"] + 1),
            f"{markdown.seconds(mine.seconds)} ({mine.reached} of {mine.networks})",
            f"{markdown.seconds(other.seconds)} ({other.reached} of {other.networks})",
            times_less(mine, other),
            markdown.seconds(mine.per_process),
            markdown.seconds(other.per_process),
            f"{other.per_process / mine.per_process:.2f}",
        )
        for repetition, (mine, other) in zip(repetitions, both, strict=True)
    ]
    header = (
        "repetition",
        "ours (reached)",
        "fresh processes (reached)",
        "times less",
        "ours per process",
        "theirs",
        "times less",
    )
    goal = markdown.percent(interval, 0)
    said = f"Seconds until every network has a 95 % interval of {goal} half-width, or the limit (networks that have it)."
    estimated = (
        f"Estimates, not measurements: the processes that an interval of {goal} calls for, by the spread of all processes of "
        "both tools together, times the median of what a process cost. Ours checks each network once more on top."
    )
    tables = markdown.table(header, rows), _estimates(repetitions, interval, both)
    return "\n\n".join([host.summary(log), said, tables[0], estimated, tables[1]])


def _estimates(repetitions: Sequence[dict[str, Any]], interval: float, both: Sequence[tuple[Side, Side]]) -> str:
    costs = [stats.median([pair[side].per_process for pair in both]) for side in (0, 1)]
    rows = []
    for network in repetitions[0]["vbench"]["networks"]:
        found = estimate(repetitions, network, interval)
        times = [None if found.needed is None else found.needed * cost for cost in costs]
        rows.append(
            (
                network,
                f"{found.mine} + {found.theirs}",
                markdown.percent(found.spread_mine),
                markdown.percent(found.spread_theirs),
                markdown.MISSING if found.needed is None else str(found.needed),
                *map(markdown.seconds, times),
            )
        )
    header = (
        "network",
        "processes seen",
        "spread, ours",
        "spread, theirs",
        "processes needed",
        "ours would take",
        "theirs would take",
    )
    return markdown.table(header, rows)
