"""What chance allows: intervals for shares and ratios, and how many processes a spread calls for. Pure, and without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbench import stats

if TYPE_CHECKING:
    from collections.abc import Sequence

Interval = tuple[float, float]


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's interval for a share; of no trials it is all of [0, 1]."""
    from scipy.stats import binomtest  # noqa: PLC0415 - half a second, for those who analyse

    if trials == 0:
        return 0.0, 1.0
    found = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def holds(interval: Interval | None, value: float) -> bool:
    """Whether an interval holds a value, its ends included."""
    return interval is not None and interval[0] <= value <= interval[1]


def half_width(interval: Interval, middle: float) -> float:
    """Half an interval's width over the number that it belongs to."""
    return (interval[1] - interval[0]) / 2.0 / middle


def disjoint(one: Interval, other: Interval) -> bool:
    """Whether two intervals have no value in common."""
    return one[1] < other[0] or other[1] < one[0]


def without(groups: Sequence[Sequence[float]], index: int) -> list[float]:
    """The values of all groups but one: what a repetition is judged by must not contain it."""
    return [value for position, group in enumerate(groups) if position != index for value in group]


def quantiles(processes: int) -> Interval | None:
    """Which quantiles the order statistics of `stats.median_interval` estimate for that many processes; None below six."""
    ranks = stats.median_interval([float(rank) for rank in range(1, processes + 1)])
    return None if ranks is None else (ranks[0] / (processes + 1), ranks[1] / (processes + 1))


def processes_needed(values: Sequence[float], target: float, most: int = 1000) -> int | None:
    """An estimate, by no means a measurement: the fewest processes whose interval is expected to reach a half-width.

    The interval of n processes is expected to reach from one quantile of the spread to another; the spread is that of
    `values`. None where `most` would not do, or where the values are too few to know their own spread.
    """
    if len(values) < 2 * stats.MIN_PROCESSES:
        return None
    middle = stats.median(values)
    for processes in range(stats.MIN_PROCESSES, most + 1):
        ends = quantiles(processes)
        if ends is not None and half_width((stats.quantile(values, ends[0]), stats.quantile(values, ends[1])), middle) <= target:
            return processes
    return None
