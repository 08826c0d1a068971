"""The smallest weights set to zero, exactly as many as were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Values = npt.NDArray[np.float32]


def kept(density: float, count: int) -> int:
    """How many of so many weights are kept: the nearest whole number, and one at least."""
    return min(count, max(1, round(density * count)))


def prune(tensors: Sequence[Values], keep: int) -> None:
    """Set all but the `keep` largest of the tensors' values to zero, in place; of equal ones the first are kept."""
    sizes = np.concatenate([np.abs(tensor).reshape(-1) for tensor in tensors])
    if keep >= len(sizes):
        return
    sizes.partition(len(sizes) - keep)
    least = sizes[len(sizes) - keep]
    above = int(np.count_nonzero(sizes[len(sizes) - keep :] > least))
    del sizes
    equal = keep - above
    for tensor in tensors:
        size = np.abs(tensor)
        keeps = size > least
        same = np.flatnonzero((size == least).reshape(-1))[:equal]
        keeps.reshape(-1)[same] = True
        equal -= len(same)
        tensor[~keeps] = 0.0
