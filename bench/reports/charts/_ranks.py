"""How well one number puts networks in the order of another: Spearman's rank correlation, and how sure it is.

Intervals are those of a bootstrap over the networks, which are what another catalogue would have others of. Its draws are
seeded, so that the same rows always give the same interval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...stats import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_DRAWS = 2000
_LEAST = 4  # fewer networks have no order to speak of


class Ranks(NamedTuple):
    """Spearman's rho of each of several numbers, and of each draw of the networks: a row per draw, a column per number."""

    rho: list[float]
    draws: Array

    def interval(self, i: int) -> tuple[float, float]:
        """The 95 % interval of one of them."""
        return _interval(self.draws[:, i])

    def ahead(self, i: int, j: int) -> tuple[float, float]:
        """The 95 % interval of how much one is above another, in the same draws."""
        return _interval(self.draws[:, i] - self.draws[:, j])


def correlations(numbers: Sequence[Sequence[float]], truth: Sequence[float]) -> Ranks | None:
    """The rank correlation of each of the numbers with the truth; None for too few networks, or where one is all the same."""
    many = len(truth)
    if many < _LEAST:
        return None
    columns = [np.unique(column, return_inverse=True)[1] for column in (*numbers, truth)]
    rho = _correlated(columns, np.ones((1, many)))[0]
    if np.isnan(rho).any():
        return None
    chance = np.random.default_rng(0)
    times = chance.multinomial(many, np.full(many, 1 / many), size=_DRAWS).astype(float)
    draws = _correlated(columns, times)
    # A draw of one network over and over again has no order, and says nothing.
    return Ranks(rho.tolist(), draws[~np.isnan(draws).any(axis=1)])


def _correlated(columns: Sequence[NDArray[np.intp]], times: Array) -> Array:
    """The rank correlation of every column but the last with the last, where each network is there so many times."""
    ranks = [_ranks(column, times) for column in columns]
    many = times.sum(axis=1, keepdims=True)
    centred = [rank - (times * rank).sum(axis=1, keepdims=True) / many for rank in ranks]
    size = [np.sqrt((times * rank**2).sum(axis=1)) for rank in centred]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = [
            (times * own * centred[-1]).sum(axis=1) / (length * size[-1])
            for own, length in zip(centred[:-1], size[:-1], strict=True)
        ]
    return np.stack(found, axis=1)


def _ranks(column: NDArray[np.intp], times: Array) -> Array:
    """The place of each network in the order, equal ones all at the mean of theirs; `column` numbers the different values."""
    values = np.zeros((len(times), int(column.max()) + 1))
    for network, value in enumerate(column):
        values[:, value] += times[:, network]
    return np.asarray((np.cumsum(values, axis=1) - (values - 1) / 2)[:, column], dtype=float)


def _interval(values: Array) -> tuple[float, float]:
    given = values.tolist()
    return quantile(given, 0.025), quantile(given, 0.975)
