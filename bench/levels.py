"""Levels: what a piece of a series lies about, where one level ends and the next begins, and what is far off. Pure.

Medians and ranks throughout, so that one number that is far off changes nothing.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

# Points on either side of a change: one or two may be outliers.
LEAST = 3
# A shift of medians must be so many of its standard errors.
ERRORS = 3.0
# A point is far off from the level around it by so many robust standard deviations, in a series of so many points.
FAR, FEWEST_FAR = 5.0, 8
# A place that is less likely by no more than this, as a logarithm, may be the true one; docs/history.md says how often it is.
DOUBT = 3.0

_NORMAL_MAD = 1.4826  # a standard deviation of normal noise, over its median absolute deviation
_MEDIAN_ERROR = 1.2533  # the standard error of a median of normal noise, times sqrt(n) over its standard deviation
# The autocorrelation of so short a series is estimated too low, the more so as a split was taken out that chance had made: by
# (4 + 4 rho) / n about, as seen in simulations of 16 to 250 points.
_BIAS = 4.0
_HIGHEST = 0.9
# How far from a split its change is looked for.
_REACH = 50
_TINY = 1e-9


class Place(NamedTuple):
    """The first point behind a change, and from which to which it may as well be."""

    place: int
    first: int
    last: int


class Shift(NamedTuple):
    """Two medians with the robust standard error of their difference."""

    before: float
    after: float
    error: float

    def matters(self, least: float) -> bool:
        """Whether it is at least this share of the median before, and three of its standard errors."""
        size = abs(self.after - self.before)
        return size > 0 and size >= max(least * abs(self.before), ERRORS * self.error) * (1 - _TINY)


def midranks(values: Array) -> Array:
    """Ranks about zero, from -(n-1)/2 to (n-1)/2; equal values share theirs."""
    _, group, many = np.unique(values, return_inverse=True, return_counts=True)
    shared = np.cumsum(many) - (many - 1) / 2.0
    return np.asarray(shared[group] - (len(values) + 1) / 2.0, dtype=float)


def locate(values: Array, near: int) -> Place:
    """Where the change that a split has found near `near` is: where both sides keep closest to their medians.

    A split is chosen for how improbable it is, which prefers the middle; a level is what the values say of it themselves. Places
    that would be less likely by no more than `DOUBT` (for noise with Laplace's tails) may be the true one as well.
    """
    places = range(max(LEAST, near - _REACH), min(len(values) - LEAST, near + _REACH) + 1)
    costs = np.array([sum(float(np.abs(s - np.median(s)).sum()) for s in (values[:k], values[k:])) for k in places])
    at = int(np.argmin(costs))
    strange = np.flatnonzero((costs - costs[at]) * len(values) > DOUBT * costs[at])
    side = int(np.searchsorted(strange, at))
    first = int(strange[side - 1]) + 1 if side else 0
    last = int(strange[side]) - 1 if side < len(strange) else len(costs) - 1
    return Place(*(index + places[0] for index in (at, first, last)))


def apart(values: Array, place: int) -> Array:
    """Each value's rank within its own side, from -1/2 to 1/2: the series with the change taken out of it."""
    sides = (values[:place], values[place:])
    return np.concatenate([midranks(side) / len(side) for side in sides])


def inflation(values: Array, place: int) -> float:
    """By how much neighbours that are alike widen sums and medians: 1 for independent noise.

    The root of (1 + rho) / (1 - rho), the ratio for autocorrelation of the first order, estimated without the change.
    """
    ranks, n = apart(values, place), len(values)
    square = float(ranks @ ranks)
    if not square:
        return 1.0
    found = float(ranks[1:] @ ranks[:-1]) / square
    rho = min(max(found + (_BIAS + 4.0 * max(found, 0.0)) / n, 0.0), _HIGHEST)
    return math.sqrt((1.0 + rho) / (1.0 - rho))


def shift(values: Array, place: int) -> Shift:
    """From the median before to the median after; the error knows how alike neighbours are."""
    before, after = values[:place], values[place:]
    middles = float(np.median(before)), float(np.median(after))
    spread = _NORMAL_MAD * float(np.median(np.abs(np.concatenate([before - middles[0], after - middles[1]]))))
    error = _MEDIAN_ERROR * spread * math.sqrt(1.0 / len(before) + 1.0 / len(after)) * inflation(values, place)
    return Shift(*middles, error)


def far_off(values: Array, places: tuple[int, ...], least: float) -> tuple[int, ...]:
    """The points that are far off from the level of their piece of the series, `places` being where one piece ends."""
    if len(values) < FEWEST_FAR:
        return ()
    levels = np.concatenate([np.full(len(piece), np.median(piece)) for piece in np.split(values, places)])
    away = np.abs(values - levels)
    limit = np.maximum(FAR * _NORMAL_MAD * float(np.median(away)), least * np.abs(levels))
    return tuple(int(index) for index in np.flatnonzero(away > limit))
