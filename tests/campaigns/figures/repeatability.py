"""Whether two runs of the same suite agree: intervals that have nothing in common, and the order of the networks."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from campaign import chance, host, markdown, ours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from campaign.log import Log

GOAL_TAU = 0.95
LEVEL = 0.05


class Disjoint(NamedTuple):
    """A network of which two runs say what cannot both be so."""

    network: str
    runs: tuple[int, int]
    one: tuple[float, float]
    other: tuple[float, float]


def expected_share(confidence: float = 0.95) -> float:
    """How often two honest intervals of equal width have nothing in common: 0.56 % at 95 %, for normal errors.

    Whatever the errors, at least one of the two misses then, so it is never more than 1 - 0.95 ** 2 (9.75 %).
    """
    from scipy.stats import norm  # noqa: PLC0415 - half a second, for those who analyse

    return float(2 * norm.sf(norm.ppf((1 + confidence) / 2) * math.sqrt(2)))


def compare(first: dict[str, Any], second: dict[str, Any], runs: tuple[int, int]) -> tuple[int, list[Disjoint]]:
    """The networks that both runs have an interval for, how many, and those whose intervals are disjoint."""
    compared, found = 0, []
    for network in first["networks"]:
        both = [ours.rows([run], network) for run in (first, second)]
        intervals = [ours.interval(rows[0]) if rows else None for rows in both]
        if intervals[0] is None or intervals[1] is None:
            continue
        compared += 1
        if chance.disjoint(intervals[0], intervals[1]):
            found.append(Disjoint(network, runs, intervals[0], intervals[1]))
    return compared, found


def tail(disjoint: int, compared: int) -> float:
    """The probability of at least that many, were all intervals honest and independent."""
    from scipy.stats import binomtest  # noqa: PLC0415 - as above

    return float(binomtest(disjoint, compared, expected_share(), alternative="greater").pvalue) if compared else 1.0


def tau(first: dict[str, Any], second: dict[str, Any]) -> float | None:
    """Kendall's tau of the medians that both runs have; None under two networks."""
    from scipy.stats import kendalltau  # noqa: PLC0415 - as above

    both = []
    for network in first["networks"]:
        one, other = (ours.rows([run], network) for run in (first, second))
        if one and other:
            both.append((one[0]["latency_s"], other[0]["latency_s"]))
    if len(both) < 2:
        return None
    return float(kendalltau([x for x, _ in both], [y for _, y in both]).statistic)


def reversed_pairs(first: dict[str, Any], second: dict[str, Any]) -> tuple[int, int]:
    """How many pairs of networks a run tells apart (disjoint intervals), and in how many the other's medians say the opposite.

    A ranking can be trusted as far as it is told apart: of networks as fast as each other either order is right.
    """
    apart = wrong = 0
    for one, other in ((first, second), (second, first)):
        for a, b in itertools.combinations(one["networks"], 2):
            rows = [ours.rows([run], network) for run in (one, other) for network in (a, b)]
            if not all(rows):
                continue
            here, there = (ours.interval(rows[0][0]), ours.interval(rows[1][0]))
            if here is None or there is None or not chance.disjoint(here, there):
                continue
            apart += 1
            wrong += (here[0] < there[0]) != (rows[2][0]["latency_s"] < rows[3][0]["latency_s"])
    return apart, wrong


def report(log: Log) -> str:
    """Every pair of runs, and the disjoint intervals by name."""
    repetitions = log.ordered()
    runs: Sequence[tuple[int, dict[str, Any]]] = [(r["repetition"] + 1, r["vbench"]) for r in repetitions]
    rows, every = [], list[Disjoint]()
    for (i, first), (j, second) in itertools.combinations(runs, 2):
        compared, disjoint = compare(first, second, (i, j))
        every += disjoint
        order, p = tau(first, second), tail(len(disjoint), compared)
        apart, wrong = reversed_pairs(first, second)
        rows.append(
            (
                f"{i} and {j}",
                str(compared),
                str(len(disjoint)),
                f"{compared * expected_share():.2f}",
                f"{p:.3f}",
                "yes" if p < LEVEL else "no",
                markdown.MISSING if order is None else f"{order:.3f}",
                markdown.MISSING if order is None else ("yes" if order >= GOAL_TAU else "no"),
                f"{wrong} of {apart}",
            )
        )
    header = (
        "runs",
        "networks",
        "disjoint",
        "expected by chance",
        "p",
        "more than chance",
        "Kendall tau",
        f"at least {GOAL_TAU}",
        "told apart by one run, reversed in the other",
    )
    parts = [
        host.summary(log, "runs"),
        markdown.table(header, rows),
    ]
    if every:
        listed = [
            (d.network, f"{d.runs[0]} and {d.runs[1]}", *(" to ".join(map(markdown.ms, each)) for each in (d.one, d.other)))
            for d in every
        ]
        parts.append(markdown.table(("disjoint", "runs", "first", "second"), listed))
    return "\n\n".join(parts)
