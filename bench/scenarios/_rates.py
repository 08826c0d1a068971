"""Looks for the largest rate of arrivals that a server stands. Pure: what a trial of one rate does is handed in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from ..stats import PERCENTILE_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PERCENTILE = 0.99
# How close the largest rate that passed and the smallest that failed must come.
PRECISION = 0.05
# One more than the fewest that support a 99th percentile.
LEAST = PERCENTILE_SAMPLES[PERCENTILE] + 1
# A search takes about eight trials, and the confirmation up to four of half as much again.
TRIALS = 15
LAST = 1.5
# Of the time for all, what the search leaves to the confirmation.
RESERVE = 0.4
# At 5 % above what the server can do, the queue reaches the bound after so many times the bound: a shorter trial would
# pass rates that nobody can stand for long.
QUEUE = 20.0


class Trial(msgspec.Struct, frozen=True):
    """What came of one rate: `rate` was asked for, `offered` arrived; the latencies count from scheduled arrival."""

    rate: float
    offered: float
    p50_s: float
    p99_s: float
    queries: int
    passed: bool
    verdict: str = ""


class Search(msgspec.Struct, frozen=True):
    """The best trial that passed, all trials in order, and why the search ended early if it did."""

    best: Trial | None
    trials: tuple[Trial, ...]
    stopped: bool = False


class Plan(msgspec.Struct, frozen=True):
    """A trial that could be run: so many queries, which take at most about so many seconds."""

    queries: int
    seconds: float


def size(rate: float, capacity: float, bound_s: float, trial_s: float) -> Plan:
    """How many queries a trial of this rate takes: enough for a 99th percentile, for its time, and for a queue to show.

    `capacity` is what the server answers in a second when it never waits; above it a trial lasts until it has caught up.
    """
    queries = max(LEAST, math.ceil(rate * max(trial_s, QUEUE * bound_s)))
    return Plan(queries, queries / min(rate, capacity))


def find_rate(trial: Callable[[float], Trial | None], start: float, *, precision: float = PRECISION, most: int = 40) -> Search:
    """The largest rate that passes: by doubling or halving from `start`, then between what passed and what failed.

    `trial` gives None where a rate cannot be tried in the time that is left; the search then ends with what it has.
    """
    trials: list[Trial] = []
    low: Trial | None = None
    high: float | None = None
    rate = start
    while len(trials) < most:
        found = trial(rate)
        if found is None:
            break
        trials.append(found)
        if found.passed:
            low = found
        else:
            high = rate
        if low is not None and high is not None:
            if high <= low.rate * (1.0 + precision):
                return Search(low, tuple(trials))
            rate = math.sqrt(low.rate * high)
        else:
            rate = rate * 2.0 if high is None else rate / 2.0
    return Search(low, tuple(trials), stopped=True)


def confirm(trial: Callable[[float], Trial | None], found: Trial, *, step: float = PRECISION, most: int = 6) -> Search:
    """Try the rate that was found once more, under arrivals that it was not chosen by; where it fails, less and less.

    A rate that only just passed once fails as often as not under others, and one trial in two must not be the last word.
    """
    trials: list[Trial] = []
    rate = found.rate
    while len(trials) < most:
        again = trial(rate)
        if again is None:
            break
        trials.append(again)
        if again.passed:
            return Search(again, tuple(trials))
        rate *= 1.0 - step
        step = min(2.0 * step, 0.5)
    return Search(None, tuple(trials), stopped=True)


def hopeless(latencies_s: Sequence[float], bound_s: float, confidence: float = 0.95) -> bool:
    """Whether more than 1 % of requests are late though they are alone, so that no rate can meet the bound.

    The number of late ones among so many would be binomial: at most 1 - `confidence` may speak for 1 % or less.
    """
    n, late = len(latencies_s), sum(latency > bound_s for latency in latencies_s)
    share = 1.0 - PERCENTILE
    fewer = sum(math.comb(n, k) * share**k * PERCENTILE ** (n - k) for k in range(late))
    return late > 0 and fewer > confidence
