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


class Ratio(NamedTuple):
    """Ours over theirs: the median of the rounds' ratios with its interval, and the ratio of the two long-run medians."""

    rounds: int
    paired: float
    interval: Interval | None
    pooled: float

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
        pooled=stats.median([mine for mine, _ in pairs]) / stats.median([other for _, other in pairs]),
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


class Dropped(NamedTuple):
    """What it changes that the answer is dropped at once: time over time in the same process, and page faults of a pass."""

    ratio: float
    faults_kept: float | None
    faults: float | None


def dropped(repetitions: Sequence[dict[str, Any]], network: str) -> Dropped | None:
    """The medians over the processes of the other tool; None where none timed both."""
    both = [found for r in repetitions if (found := r["torch"].get(network)) is not None and "dropped" in found]
    if not both:
        return None
    return Dropped(
        ratio=stats.median([found["dropped"]["median_s"] / found["median_s"] for found in both]),
        faults_kept=_faults(both),
        faults=_faults([found["dropped"] for found in both]),
    )


def _faults(found: Sequence[dict[str, Any]]) -> float | None:
    known = [one["faults_per_pass"] for one in found if "faults_per_pass" in one]
    return stats.median(known) if known else None


def _dropped(repetitions: Sequence[dict[str, Any]], networks: Sequence[str]) -> list[str]:
    """The second table: why another tool's number may lie above ours by more than the first table says."""
    known = {network: one for network in networks if (one := dropped(repetitions, network)) is not None}
    if not known:
        return []
    header = ("network", "answer dropped / kept", "page faults per pass, kept", "dropped")
    rows = [
        (
            network,
            markdown.ratio(one.ratio),
            *(markdown.MISSING if n is None else f"{n:.0f}" for n in (one.faults_kept, one.faults)),
        )
        for network, one in known.items()
    ]
    return [
        "torch.utils.benchmark alone, its statement keeping the answer until the next pass, then dropping it at once:",
        markdown.table(header, rows),
    ]


def report(log: Log) -> str:
    """The table, the worst of it, and what it changes when answers are dropped."""
    repetitions = log.ordered()
    networks = list(dict.fromkeys(name for r in repetitions for name in r["vbench"]["networks"]))
    found = {network: ratio(both) for network in networks if (both := pairs(repetitions, network))}
    header = ("network", "rounds", "ours / torch.utils.benchmark, paired by round", "95 % interval", "ratio of the two medians")
    rows = [
        (
            network,
            str(one.rounds),
            markdown.ratio(one.paired),
            markdown.MISSING if one.interval is None else " to ".join(map(markdown.ratio, one.interval)),
            markdown.ratio(one.pooled),
            one.verdict(),
        )
        for network, one in found.items()
    ]
    parts = [
        host.summary(log, "rounds"),
        markdown.table((*header, f"within {markdown.percent(GOAL, 0)}"), rows),
    ]
    if found:
        worst = max(found, key=lambda network: abs(found[network].paired - 1))
        parts.append(f"Worst: {worst}, {100 * (found[worst].paired - 1):+.2f} %.")
    return "\n\n".join([*parts, *_dropped(repetitions, list(found))])
