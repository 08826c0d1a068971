"""Where the level of a series of numbers changed, and how improbable that would be by chance. Pure functions on arrays.

A series is judged by its ranks alone, so that neither its scale nor one number that is far off counts. For every place where
the level may have changed, the ranks before it are added up (CUSUM), in the whole series and in shorter windows of it, where a
level that changed and changed back is one change. The place whose sum is the least probable is the split of the series. How
often chance gives a split as strong is asked twice, and the worse answer counts:

- of the points in any order, with the sums divided by what neighbours that are alike add to them: exact for independent noise;
- of moving blocks of neighbours from around the split with the suspected change taken out: for what is alike in any other way.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from . import levels
from .levels import LEAST

if TYPE_CHECKING:
    from collections.abc import Callable

    from .levels import Array

# Neighbours that are kept together when the order is drawn anew.
BLOCK = 5
# The shortest window; each is half as long as the one before, and begins every half of its length (Kovács et al. 2023).
WINDOW = 20
_CHUNK = 1000
# Numbers that are worked on at once: what fits into a processor's own memory is quicker than what does not.
_AT_ONCE = 2**15
# A series with so many draws as strong as its own is no change, however many more are made (Besag and Clifford 1991).
_ENOUGH = 20
_TINY = 1e-9
# Draws are worked out in single precision, and one that is as strong as the series itself must count.
_SINGLE = 1e-5
# Up to this length chance is drawn for the very number of points; beyond it for the next of eight lengths to the octave.
_EXACT = 128


class Split(NamedTuple):
    """The place at which a series falls into two parts most strongly: `place` is the first point of the second.

    `start` and `stop` are the ends of the window in which it does so. `damped` is the strength without what neighbours that
    are alike add to it.
    """

    place: int
    start: int
    stop: int
    strength: float
    damped: float


class _Scale(NamedTuple):
    """What makes a strength of a sum of ranks, for every place in a window of a length.

    `fraction` of the window lies before the place; a sum of ranks over the length, times `inverse`, is a share of the largest.
    Of the share `y` of the largest sum, the strength is half its square in standard deviations, which is what the logarithm of
    a normal tail grows by, and a fourth power that makes it the logarithm of the number of orders where `y` is one. So equal
    strengths are about equally improbable wherever they stand, also where three points are left.
    """

    fraction: Array
    inverse: Array
    square: Array
    fourth: Array


@lru_cache(maxsize=1024)
def _scale(n: int, kind: np.dtype[Any]) -> _Scale:
    places = np.arange(LEAST, n - LEAST + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    orders = logs[n] - logs[places] - logs[n - places] - math.log(2)
    square = 1.5 * places * (n - places) / (n + 1)
    parts = (places / n, 2.0 * n / (places * (n - places)), square, np.maximum(orders - square, 0.0))
    return _Scale(*(part.astype(kind) for part in parts))


@lru_cache(maxsize=1024)
def _lengths(n: int) -> tuple[int, ...]:
    """The lengths of the windows of a series; the whole series is the first."""
    lengths = [n]
    while (length := 2 * math.ceil(n / 2 ** (len(lengths) + 1))) >= WINDOW:
        lengths.append(length)
    return tuple(lengths)


def _windows(ranks: Array, length: int) -> tuple[Array, int]:
    """The sums before each place of each window, as shares of the largest; windows are the axis before the last.

    Windows are counted from the end, where the newest points are; the second answer is where the first of them begins. Sums are
    about the window's own mean, and a rank of the whole series over its length stands for one of the window.
    """
    n, scale, step = ranks.shape[-1], _scale(length, ranks.dtype), max(1, length // 2)
    sums = np.zeros((*ranks.shape[:-1], n + 1), dtype=ranks.dtype)
    np.cumsum(ranks, axis=-1, out=sums[..., 1:])
    sums /= n
    first = (n - length) % step
    seen = sliding_window_view(sums[..., first:], length + 1, axis=-1)[..., ::step, :]
    shares = seen[..., LEAST : length - LEAST + 1] - seen[..., :1]
    shares -= (seen[..., -1:] - seen[..., :1]) * scale.fraction
    shares *= scale.inverse
    return shares, first


def _strengths(shares: Array, length: int) -> Array:
    scale, squares = _scale(length, shares.dtype), np.square(shares)
    found = squares * scale.fourth
    found += scale.square
    found *= squares
    return np.asarray(found)


def _strongest(ranks: Array) -> Array:
    """The strength of the strongest split of each row, in all windows."""
    found = np.zeros(len(ranks), dtype=np.float32)
    rows = max(1, _AT_ONCE // ranks.shape[-1])
    for row in range(0, len(ranks), rows):
        here, some = found[row : row + rows], ranks[row : row + rows].astype(np.float32)
        for length in _lengths(ranks.shape[-1]):
            shares, _ = _windows(some, length)
            np.maximum(here, _strengths(shares, length).max(axis=(-2, -1)), out=here)
    return found


def split(values: Array) -> Split:
    """The strongest split of at least six values in any window, once the likeness of neighbours is taken out of it."""
    ranks = levels.midranks(values)
    windows = []
    for length in _lengths(len(values)):
        shares, first = _windows(ranks, length)
        most = _strengths(shares, length).max(axis=-1)
        starts = range(first, len(values), max(1, length // 2))
        windows += [(float(m), start, own) for m, start, own in zip(most, starts, shares, strict=False)]
    windows.sort(key=lambda window: -window[0])
    _, start, shares = windows[0]
    best = _best(values, start, shares)
    for most, start, shares in windows[1:]:
        if most <= best.damped:
            break  # damping only weakens, and the others are weaker still
        best = max(best, _best(values, start, shares), key=lambda found: found.damped)
    return best


def _best(values: Array, start: int, shares: Array) -> Split:
    """The strongest split of the window that begins at `start`, from its sums."""
    length = len(shares) + 2 * LEAST - 1
    found = _strengths(shares, length)
    at = int(np.argmax(found))
    alike = levels.inflation(values[start : start + length], at + LEAST)
    damped = float(_strengths(shares / alike, length).max())
    return Split(start + LEAST + at, start, start + length, float(found[at]), damped)


def points_p(n: int, found: Split, draws: int) -> float:
    """How often so many points in a random order split as strongly as these do once the likeness of neighbours is taken out."""
    return _p(_orders(_length(n)).chunk, found.damped, draws)


def blocks_p(values: Array, found: Split, draws: int, seed: tuple[int, ...]) -> float:
    """How often moving blocks of neighbours, drawn from around the split without the change, split as strongly."""
    n = len(values)
    ranks = levels.apart(values[found.start : found.stop], found.place - found.start) * n
    chance = np.random.default_rng(seed)
    within, count = np.arange(BLOCK), -(-n // BLOCK)

    def chunk(_: int) -> Array:
        starts = chance.integers(0, len(ranks) - BLOCK + 1, size=(_CHUNK, count))
        drawn = ranks[(starts[:, :, None] + within).reshape(_CHUNK, -1)[:, :n]]
        return _strongest(drawn)

    return _p(chunk, found.strength, draws)


def _p(chunk: Callable[[int], Array], strength: float, draws: int) -> float:
    """The share of draws that are as strong, this series being one of them; it stops where that is no longer small."""
    stronger = done = 0
    while done < draws and stronger < _ENOUGH:
        found = chunk(done // _CHUNK)
        stronger += int(np.count_nonzero(found >= strength * (1 - _SINGLE)))
        done += len(found)
    return (stronger + 1) / (done + 1)


class _Orders:
    """The strongest splits of so many points in random orders; drawn once for all series of that length, when asked for."""

    def __init__(self, n: int) -> None:
        self._ranks = np.arange(n) - (n - 1) / 2.0
        self._chance = np.random.default_rng((n, BLOCK))
        self._chunks: list[Array] = []

    def chunk(self, number: int) -> Array:
        """So many of them, the same for the same number."""
        while len(self._chunks) <= number:
            orders = self._chance.permuted(np.broadcast_to(self._ranks, (_CHUNK, len(self._ranks))), axis=1)
            self._chunks.append(_strongest(orders))
        return self._chunks[number]


_orders = lru_cache(maxsize=256)(_Orders)


def _length(n: int) -> int:
    return n if n <= _EXACT else math.ceil(2 ** (math.ceil(8 * math.log2(n) - _TINY) / 8))
