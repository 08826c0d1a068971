"""Our medians over those of torch.utils.benchmark, network by network, paired by round."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from campaign import host, markdown, ours

from vbench import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from campaign.chance import Interval
    from campaign.log import Log

GOAL = 0.02
STATES = {
    "keep": "Both with the allocator told to keep its memory (`MALLOC_TRIM_THRESHOLD_=-1 MALLOC_MMAP_MAX_=0`), so that no pass "
    "of either pays for pages; the ratio is paired by round:",
    "system": "Both with glibc as it is by itself, where a pass pays for as many pages as the process's history has it:",
}


class Ratio(NamedTuple):
    """Ours over theirs: the median of the rounds' ratios with its interval."""

    rounds: int
    paired: float
    interval: Interval | None

    def verdict(self, goal: float = GOAL) -> str:
        """Whether the ratio is within the goal; `yes` and `no` only where the whole interval says so."""
        if self.interval is None:
            return "too few rounds"
        low, high = 1 - goal, 1 + goal
        if low <= self.interval[0] and self.interval[1] <= high:
            return "yes"
        if self.interval[1] < low or self.interval[0] > high:
            return "no"
        return f"{'yes' if low <= self.paired <= high else 'no'}, the interval reaches across"


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """The ratio of pairs (ours, theirs): the logarithm treats a half and a double alike."""
    logs = [math.log(mine / other) for mine, other in pairs]
    interval = stats.median_interval(logs)
    return Ratio(
        rounds=len(pairs),
        paired=math.exp(stats.median(logs)),
        interval=None if interval is None else (math.exp(interval[0]), math.exp(interval[1])),
    )


def pairs(repetitions: Sequence[dict[str, Any]], network: str) -> list[tuple[float, float]]:
    """The rounds in which both tools measured a network; several processes of ours count as their median."""
    found = []
    for repetition in repetitions:
        row = repetition["vbench"]["networks"].get(network)
        other = repetition["torch"].get(network)
        if row is not None and row["status"] == "ok" and row["processes"] and other is not None:
            found.append((stats.median(ours.medians(row)), other["median_s"]))
    return found


class Faults(NamedTuple):
    """Page faults of a pass, by either tool; theirs include the passes in which a process takes its memory for the first time."""

    ours: float | None
    theirs: float | None


def faults(repetitions: Sequence[dict[str, Any]], network: str) -> Faults:
    """The medians over the processes of either tool; None for what none of them knows."""
    mine = [
        p["page_faults"]
        for row in ours.rows([r["vbench"] for r in repetitions], network)
        for p in row["processes"]
        if "page_faults" in p
    ]
    theirs = [found for r in repetitions if (found := r["torch"].get(network)) is not None]
    return Faults(
        ours=_middle(mine),
        theirs=_middle([found["faults_per_pass"] for found in theirs if "faults_per_pass" in found]),
    )


def _middle(values: Sequence[float]) -> float | None:
    return stats.median(values) if values else None


def report(log: Log) -> str:
    """For either state of the allocator a table, the worst of it, and the page faults behind it."""
    parts = [host.summary(log, "rounds")]
    for allocator, said in STATES.items():
        repetitions = [r[allocator] for r in log.ordered() if allocator in r]
        if repetitions:
            parts += [said, *_table(repetitions)]
    return "\n\n".join(parts)


def _table(repetitions: Sequence[dict[str, Any]]) -> list[str]:
    networks = list(dict.fromkeys(name for r in repetitions for name in r["vbench"]["networks"]))
    found = {network: ratio(both) for network in networks if (both := pairs(repetitions, network))}
    header = ("network", "rounds", "ours / theirs", "95 % interval", f"within {markdown.percent(GOAL, 0)}")
    pages = ("page faults per pass, ours", "theirs")
    rows = []
    for network, one in found.items():
        interval = markdown.MISSING if one.interval is None else " to ".join(map(markdown.ratio, one.interval))
        seen = faults(repetitions, network)
        counts = [markdown.MISSING if n is None else f"{n:.0f}" for n in seen]
        rows.append((network, str(one.rounds), markdown.ratio(one.paired), interval, one.verdict(), *counts))
    if not found:
        return []
    worst = max(found, key=lambda network: abs(found[network].paired - 1))
    every = stats.median([one.paired for one in found.values()])
    said = f"Median over networks: {100 * (every - 1):+.2f} %. Worst: {worst}, {100 * (found[worst].paired - 1):+.2f} %."
    return [markdown.table((*header, *pages), rows), said]
