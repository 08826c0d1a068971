"""Pure functions on arrays of numbers: what a sample says about the median, and how sure it is.

The unit of replication is the process, so the intervals here are built over one number per process. They assume no
distribution: a neighbour that doubles one process's time moves one order statistic, not the median.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# The smallest samples whose maximum bounds the quantile from above with 95 % confidence: q ** n <= 0.05.
PERCENTILE_SAMPLES = {0.90: 29, 0.95: 59, 0.99: 299}

# With five values even the full range holds the median only 93.75 % of the time.
MIN_PROCESSES = 6


def quantile(values: Sequence[float], q: float) -> float:
    """The `q` quantile (0 to 1) by linear interpolation between order statistics; raises ValueError when empty."""
    if not values:
        message = "a quantile of no values"
        raise ValueError(message)
    ordered = sorted(values)
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    # Written as a step from the lower value, so that equal neighbours give exactly that value.
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def median(values: Sequence[float]) -> float:
    """The middle value; raises ValueError when empty."""
    return quantile(values, 0.5)


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """A distribution-free interval for the median, from order statistics; None where the sample is too small.

    The chance that at most k of n values lie below the median is binomial, whatever the distribution
    (David and Nagaraja, Order Statistics, 3rd ed., section 7.1). Six values are the fewest that reach 95 %.
    """
    ordered = sorted(values)
    n = len(ordered)
    tail, allowed = 0, (1.0 - confidence) / 2.0
    rank = 0
    while rank < n // 2:
        # Whole numbers up to the division: beyond a thousand values 2 ** n is no float any more.
        tail += math.comb(n, rank)
        if tail / 2**n > allowed:
            break
        rank += 1
    if rank == 0:
        return None
    return ordered[rank - 1], ordered[n - rank]


def ratio_interval(before: Sequence[float], after: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """An interval for how many times as large `after` is, from two independent samples; None where either is too small.

    The ratios of every value after to every one before, without those at either end that the test of Mann and Whitney refuses
    (Hodges and Lehmann 1963; Lehmann, Nonparametrics, section 2.4): exact where one distribution is the other times a factor. It
    is extended to hold the ratio of the medians where it does not. The values must be positive.
    """
    if min(len(before), len(after)) < MIN_PROCESSES or min(*before, *after) <= 0:
        return None
    rank = _mann_whitney(len(before), len(after), (1.0 - confidence) / 2.0)
    if rank == 0:
        return None
    ratios, middle = sorted(two / one for one in before for two in after), median(after) / median(before)
    return min(ratios[rank - 1], middle), max(ratios[-rank], middle)


@lru_cache(maxsize=256)
def _mann_whitney(one: int, other: int, level: float) -> int:
    """How many of the counts of inversions from 0 on are together no likelier than `level` in samples of these sizes."""
    most = one * other // 2
    # The coefficients of the Gaussian binomial: in how many orders of the two samples there are so many inversions.
    ways = [1] + [0] * most
    for size in range(1, one + 1):
        for total in range(most, other + size - 1, -1):
            ways[total] -= ways[total - other - size]
        for total in range(size, most + 1):
            ways[total] += ways[total - size]
    below, orders = 0, math.comb(one + other, one)
    for rank, count in enumerate(ways):
        below += count
        if below / orders > level:
            return rank
    return most


def wilson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """An interval for a share of which `hits` of `trials` independent draws were seen, as shares of one.

    Wilson (1927): all shares that a test of the normal approximation does not refuse. It stays within 0 and 1, holds for shares
    near either, and covers what it promises on average (Brown, Cai and DasGupta 2001). Raises ValueError for no trial at all.
    """
    if not 0 <= hits <= trials or not trials:
        message = f"{hits} hits of {trials} trials"
        raise ValueError(message)
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    share, weight = hits / trials, z * z / trials
    middle = (share + weight / 2.0) / (1.0 + weight)
    half = z / (1.0 + weight) * math.sqrt(share * (1.0 - share) / trials + weight / (4.0 * trials))
    # A rounding must not keep the ends from where they are exactly.
    return (0.0 if hits == 0 else middle - half), (1.0 if hits == trials else middle + half)


def paired_shares(lost: int, won: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """An interval for the difference of two shares that were seen on the same draws, as shares of one.

    `won` draws hit only afterwards and `lost` only before. Bonett and Price (2012): Wald's with one draw added to either count.
    Raises ValueError where they are more than the draws.
    """
    if min(lost, won) < 0 or lost + won > trials or not trials:
        message = f"{lost} lost and {won} won of {trials} trials"
        raise ValueError(message)
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    down, up = (lost + 1) / (trials + 2), (won + 1) / (trials + 2)
    middle, half = up - down, z * math.sqrt((down + up - (up - down) ** 2) / (trials + 2))
    return max(-1.0, middle - half), min(1.0, middle + half)


def relative_half_width(values: Sequence[float], confidence: float = 0.95) -> float | None:
    """Half the width of the median's interval over the median; None where there is no interval."""
    interval = median_interval(values, confidence)
    middle = median(values) if values else 0.0
    if interval is None or middle <= 0.0:
        return None
    return (interval[1] - interval[0]) / 2.0 / middle


def supported_percentile(values: Sequence[float], q: float) -> float | None:
    """The `q` quantile where the sample supports a one-sided 95 % bound on it, else None."""
    if len(values) < PERCENTILE_SAMPLES[q]:
        return None
    return quantile(values, q)


def settled(samples: Sequence[float], group: int = 5, tolerance: float = 0.02) -> bool:
    """Whether the warm-up is over: the last group of samples is like the one before.

    Their medians differ by less than `tolerance`, or, on a machine whose samples differ by more than that anyway, the last
    median lies within the middle half of the group before: it is not still falling.
    """
    if len(samples) < 2 * group:
        return False
    before = samples[-2 * group : -group]
    last, middle = median(samples[-group:]), median(before)
    return abs(last - middle) < tolerance * middle or quantile(before, 0.25) <= last <= quantile(before, 0.75)


def same(expected: Sequence[float], found: Sequence[float], least_db: float) -> bool:
    """Whether two fingerprints of an output agree by so many dB of signal over error at least."""
    if len(expected) != len(found):
        return False
    signal = sum(v * v for v in expected)
    error = sum((a - b) ** 2 for a, b in zip(expected, found, strict=True))
    return error <= signal * 10 ** (-least_db / 10)
