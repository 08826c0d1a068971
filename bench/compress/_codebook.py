"""Weight sharing: the values of a layer replaced by the nearest of a few, found by k-means in one dimension.

As in Han, Mao, Dally 2016, "Deep Compression", section 3: one codebook for each layer, the first guesses spread evenly between
the least and the greatest weight, since these keep more of the few large weights than guesses that follow their density.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

# Lloyd's algorithm ends where no value changes its cluster. Wide codebooks get there slowly, and hardly change any more.
MOST_STEPS = 100
_BLOCK = 1 << 12
_PIECE = 1 << 20


def centroids(values: Floats, most: int) -> Floats:
    """At most `most` shared values for these, ascending; fewer where a cluster stays empty or the values are few.

    Exact steps of Lloyd's algorithm on the sorted values: a cluster is a range of them, and its mean the difference of two sums.
    `values` has the shape `(count,)`. Raises ValueError for values that are no finite numbers.
    """
    if not len(values):
        return np.zeros(0, np.float32)
    ordered = np.sort(values)
    if not (np.isfinite(ordered[0]) and np.isfinite(ordered[-1])):
        message = "values that are not finite have no codebook"
        raise ValueError(message)
    few = _distinct(ordered, most)
    if few is not None:
        return few
    sums = _Sums(ordered)
    middle = np.linspace(ordered[0], ordered[-1], most, dtype=np.float64)
    ends = np.zeros(most + 1, np.int64)
    for _ in range(MOST_STEPS):
        before, ends = ends, _ends(ordered, middle)
        if np.array_equal(before, ends):
            break
        count = np.diff(ends)
        middle = np.where(count > 0, sums.between(ends) / np.maximum(count, 1), middle)
    return np.unique(middle[np.diff(ends) > 0].astype(np.float32))


def nearest(values: Floats, shared: Floats) -> npt.NDArray[np.uint8]:
    """The number of the nearest shared value for each value, of which there are 256 at most. Shapes `(count,)`."""
    found = np.zeros(len(values), np.uint8)
    halfway = ((shared[1:].astype(np.float64) + shared[:-1]) / 2).astype(np.float32)
    for begin in range(0, len(values), _PIECE):
        found[begin : begin + _PIECE] = np.searchsorted(halfway, values[begin : begin + _PIECE])
    return found


def _ends(ordered: Floats, middle: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Where each cluster of the sorted values begins, and where the last one ends."""
    halfway = ((middle[1:] + middle[:-1]) / 2).astype(np.float32)
    return np.concatenate([[0], np.searchsorted(ordered, halfway, side="right"), [len(ordered)]])


def _distinct(ordered: Floats, most: int) -> Floats | None:
    """The different values, where they are at most so many."""
    changes = 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
    return np.unique(ordered) if changes <= most else None


class _Sums:
    """Sums of ranges of sorted values, in double precision: of whole blocks from a table, of the rest on demand."""

    def __init__(self, ordered: Floats) -> None:
        self._ordered = ordered
        whole = len(ordered) // _BLOCK
        blocks = ordered[: whole * _BLOCK].reshape(whole, _BLOCK).sum(axis=1, dtype=np.float64)
        self._before = np.concatenate([[0.0], np.cumsum(blocks)])

    def between(self, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The sum of each range between two neighbouring ends."""
        block = ends // _BLOCK
        rests = [self._ordered[b * _BLOCK : e].sum(dtype=np.float64) for b, e in zip(block.tolist(), ends.tolist(), strict=True)]
        found: npt.NDArray[np.float64] = np.diff(self._before[block] + rests)
        return found
