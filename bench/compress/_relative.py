"""Positions of what is not zero, as distances from one to the next in a fixed number of bits.

A distance that does not fit is bridged by fillers: entries that stand for a zero (Han, Mao, Dally 2016, section 2, figure 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Positions = npt.NDArray[np.int64]


class Gaps(NamedTuple):
    """One symbol for each entry: how many zeros come before it; and which entries are the given positions, not fillers."""

    symbols: npt.NDArray[np.uint8]
    real: npt.NDArray[np.bool_]


def gaps(positions: Positions, bits: int, *, escape: bool = False) -> Gaps:
    """The distances between ascending positions in symbols of at most `bits` bits.

    A filler has the largest symbol and is an entry of its own, whose value is zero, as in the paper. With `escape` the largest
    symbol is kept for fillers, which then need no value: it says that so many zeros come and no entry after them.
    """
    largest = (1 << bits) - 1
    bridged = largest if escape else largest + 1
    distance = np.diff(positions, prepend=-1) - 1
    fillers = distance // bridged
    ends = np.cumsum(fillers + 1) - 1
    total = int(ends[-1]) + 1 if len(ends) else 0
    symbols, real = np.full(total, largest, np.uint8), np.zeros(total, np.bool_)
    symbols[ends], real[ends] = distance - fillers * bridged, True
    return Gaps(symbols, real)


def positions(symbols: npt.NDArray[np.uint8], bits: int, *, escape: bool = False) -> Positions:
    """The positions of all entries, fillers included; with `escape` those of the entries that are no fillers."""
    steps = symbols.astype(np.int64)
    if not escape:
        found: Positions = np.cumsum(steps + 1) - 1
        return found
    real = symbols != (1 << bits) - 1
    ends: Positions = np.cumsum(steps + real)[real]
    return ends - 1
