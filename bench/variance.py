"""Where the variation comes from: inside a process, between processes, over a run; and what follows for how much to measure.

Pure functions on numbers, like `stats`. Of scipy only `special` is used, whose import takes a tenth of that of `scipy.stats`:
every run and every report would wait for it.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

import msgspec

from .stats import MIN_PROCESSES, median, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

# A rank correlation counts as a trend above this size, where chance would give it less often than once in a thousand.
TREND, TREND_P = 0.5, 0.001
# Two groups must lie further apart than this, each hold this share, and not be what one group gives once in a hundred.
APART, SHARE, DIP_P = 0.10, 0.2, 0.01
# Fewer values show no shape.
_FEW = 10
# So many standard deviations from the median a run is no longer like the others.
_OUTLYING = 3.0
# The variance of a median is that of a mean times pi / 2, for a normal distribution and many values.
_MEDIAN = math.pi / 2


class Components(msgspec.Struct, frozen=True):
    """Relative variances: of one sample inside a process, and between processes beyond what their samples explain."""

    within: float
    between: float


def relative_deviation(values: Sequence[float]) -> float:
    """The standard deviation over the median; 0 for fewer than two values or where the median is not positive."""
    middle = median(values) if values else 0.0
    return statistics.stdev(values) / middle if len(values) > 1 and middle > 0 else 0.0


def quartile_spread(values: Sequence[float]) -> float:
    """The inter-quartile range over the median; 0 where the median is not positive."""
    middle = median(values) if values else 0.0
    return (quantile(values, 0.75) - quantile(values, 0.25)) / middle if middle > 0 else 0.0


def trend(values: Sequence[float]) -> bool:
    """Whether the values rise or fall with their order, by Spearman's rank correlation."""
    if len(values) < _FEW or len(set(values)) == 1:
        return False
    rho = correlation(range(len(values)), values)
    return abs(rho) > TREND and by_chance(rho, len(values)) < TREND_P


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's rank correlation; the values of neither side may all be equal."""
    import numpy as np  # noqa: PLC0415 - not for a worker, which never asks

    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def by_chance(rho: float, count: int) -> float:
    """How likely `count` pairs, at least three, give a rank correlation of this size by chance: two-sided, by Student's t."""
    from scipy.special import stdtr  # noqa: PLC0415 - only where a correlation is large enough to ask

    distance = 1.0 - rho * rho
    return float(2 * stdtr(count - 2, -abs(rho) * math.sqrt((count - 2) / distance))) if distance > 0 else 0.0


def _ranks(values: Sequence[float]) -> list[float]:
    """The place of each value among all, counted from 1; equal ones share the mean of theirs."""
    import numpy as np  # noqa: PLC0415 - as above

    _, where, times = np.unique(np.asarray(values, dtype=float), return_inverse=True, return_counts=True)
    last = np.cumsum(times)
    return list((last - (times - 1) / 2)[where])


def two_groups(values: Sequence[float]) -> bool:
    """Whether the values fall into two groups that lie apart (Hartigan and Hartigan 1985, the dip test)."""
    ordered = sorted(values)
    if len(ordered) < _FEW or ordered[0] <= 0 or ordered[-1] / ordered[0] <= 1 + APART:
        return False
    import numpy as np  # noqa: PLC0415 - as above
    from diptest import diptest  # noqa: PLC0415 - as above

    low, high = _split(ordered)
    if min(len(low), len(high)) < SHARE * len(ordered) or median(high) / median(low) <= 1 + APART:
        return False
    return float(diptest(np.asarray(ordered, dtype=float))[1]) < DIP_P


def _split(ordered: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """The cut that leaves the least variance inside two groups (Otsu 1979)."""
    total, count, below = math.fsum(ordered), len(ordered), 0.0
    best, cut = -1.0, 1
    for index in range(1, count):
        below += ordered[index - 1]
        apart = below / index - (total - below) / (count - index)
        score = index * (count - index) * apart * apart
        if score > best:
            best, cut = score, index
    return ordered[:cut], ordered[cut:]


def components(processes: Sequence[Sequence[float]]) -> Components | None:
    """The two relative variances from the samples of several processes; None for fewer than three processes.

    Robust, since a burst in one process is not what a usual process is like: quartiles inside, the median of squared
    distances between. What the samples inside explain of the distance between is taken away.
    """
    groups = [group for group in processes if len(group) > 1 and median(group) > 0]
    if len(groups) < 3:  # noqa: PLR2004 - two cannot tell which of them is unusual
        return None
    # For a normal distribution the quartiles lie 1.349 standard deviations apart, and the median distance is 0.6745 of one.
    within = median([(quartile_spread(group) / 1.349) ** 2 for group in groups])
    middles = [median(group) for group in groups]
    centre = median(middles)
    distance = median([abs(middle - centre) for middle in middles]) / 0.6745 / centre
    explained = _MEDIAN * within / median([float(len(group)) for group in groups])
    return Components(within, max(0.0, distance**2 - explained))


def samples_per_process(found: Components, start_s: float, sample_s: float, least: int, most: int) -> int:
    """How many samples a process should draw so that an interval of a given width takes the least time.

    The classic answer for sampling in two stages: the root of (variance within / variance between) times (cost of a process
    / cost of a sample) (Cochran, Sampling Techniques, 3rd ed., section 10.6), between `least` and `most`.
    """
    if sample_s <= 0 or found.within <= 0:
        return least
    if found.between <= 0:
        return most
    best = math.sqrt(_MEDIAN * found.within / found.between * max(0.0, start_s) / sample_s)
    return round(min(max(best, least), most))


def halves(values: Sequence[float]) -> float:
    """The standard deviation, on a logarithmic scale, of what changes slowly: half the distance between the halves' medians.

    What the scatter inside the halves would give by chance is taken away; 0 for fewer than six values.
    """
    if len(values) < MIN_PROCESSES or min(values) <= 0:
        return 0.0
    logs = [math.log(value) for value in values]
    first, second = logs[: len(logs) // 2], logs[len(logs) // 2 :]
    chance = sum(_MEDIAN * scatter(part) ** 2 / len(part) for part in (first, second)) / 4.0
    distance = (median(second) - median(first)) / 2.0
    return math.sqrt(max(0.0, distance**2 - chance))


def between_runs(medians: Sequence[float], noise: float = 0.0) -> float | None:
    """The half-width, at 95 % on a logarithmic scale, of what a run's median is off by for being that run.

    None for fewer than five runs. `noise` is the standard deviation that a run's median has by chance; it is taken away. One
    run beside a neighbour is brought in to what the others' scatter allows, so that it does not widen the next twenty.
    """
    if len(medians) < 5 or min(medians) <= 0:  # noqa: PLR2004 - fewer say nothing about a spread
        return None
    from scipy.special import stdtrit  # noqa: PLC0415 - as above

    logs = [math.log(value) for value in medians]
    middle, reach = median(logs), _OUTLYING * scatter(logs)
    logs = [min(max(value, middle - reach), middle + reach) for value in logs]
    spread = math.sqrt(max(0.0, statistics.variance(logs) - noise**2))
    return spread * float(stdtrit(len(logs) - 1, 0.975))


def widened(middle: float, interval: tuple[float, float], more: float, offset: float = 0.0) -> tuple[float, float]:
    """The interval with a further half-width added, `more` on a logarithmic scale, so that no end becomes negative.

    Independent parts add by their squares, each side for itself. An `offset` (logarithmic too) is no chance but a known
    distance: the end on its side moves by all of it. Where an end is not positive the interval stays as it is.
    """
    low, high = interval
    if min(low, middle) <= 0:
        return interval
    below = math.hypot(math.log(middle / low), more) - min(offset, 0.0)
    above = math.hypot(math.log(high / middle), more) + max(offset, 0.0)
    return min(low, middle * math.exp(-below)), max(high, middle * math.exp(above))


def scatter(values: Sequence[float]) -> float:
    """The standard deviation that the median distance from the median stands for: a burst does not count in it."""
    middle = median(values)
    return median([abs(value - middle) for value in values]) / 0.6745
