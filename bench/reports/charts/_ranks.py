"""How well one number puts networks in the order of another: Spearman's rank correlation, and how sure it is.

The interval is that of a bootstrap over the networks, which are what another catalogue would have others of. Its draws are
seeded, so that the same rows always give the same interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...stats import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DRAWS = 2000
_LEAST = 4  # fewer networks have no order to speak of


class Ranks(NamedTuple):
    """Spearman's rho with the ends of its 95 % interval."""

    rho: float
    low: float
    high: float


def correlations(proxies: Sequence[Sequence[float]], truth: Sequence[float]) -> tuple[list[Ranks], list[tuple[float, float]]]:
    """Each proxy's rank correlation with the truth, and the intervals of how much that of the first is above each other's.

    Both empty where there are too few networks. All proxies are drawn together, so that their differences are of the same draws.
    """
    many = len(truth)
    if many < _LEAST:
        return [], []
    columns = np.array([*proxies, truth], dtype=float)
    draws = np.random.default_rng(0).integers(0, many, size=(_DRAWS, many))
    found = np.array([spearman(columns[:, own]) for own in draws])
    # A draw of one network over and over again has no order, and says nothing.
    found = found[~np.isnan(found).any(axis=1)]
    if not len(found):
        return [], []
    ranks = [Ranks(float(rho), *_interval(found[:, i])) for i, rho in enumerate(spearman(columns))]
    return ranks, [_interval(found[:, 0] - found[:, i]) for i in range(1, len(proxies))]


def spearman(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rank correlation of every row but the last with the last; NaN where one of them is all the same."""
    ranks = np.array([_ranks(row) for row in columns])
    ranks -= ranks.mean(axis=1, keepdims=True)
    size = np.sqrt((ranks**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((ranks[:-1] @ ranks[-1]) / (size[:-1] * size[-1]))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The place of each value in their order, equal ones all at the mean of theirs."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(times)
    return np.asarray((ends - (times - 1) / 2)[place], dtype=float)


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    given = values.tolist()
    return quantile(given, 0.025), quantile(given, 0.975)
