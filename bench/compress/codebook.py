"""`codebook:5`: the weights of each layer share 2^5 values, found by k-means; each weight is stored as a number of 5 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compression import Option
from ..registry import compressor
from ._unstructured import Unstructured

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from ..interfaces import Work


@compressor("codebook")
class Codebook(Unstructured):
    """Weight sharing (Han, Mao, Dally 2016, section 3). Weights that are zero stay so, and are left out of what is stored."""

    description = "share a few values among the weights of each layer, by k-means; computed in fp32 all the same"
    options = (Option("bits", "the bits of a weight's number in its layer's codebook", "whole", low=1, high=8),)

    def apply(self, module: nn.Module, work: Work, **options: Any) -> nn.Module:
        """Share in place. Raises ValueError for a network without weights, or with weights that are no finite numbers."""
        from ._layers import layers  # noqa: PLC0415 - imports torch

        bits, fewer = options["bits"], 0
        for layer in layers(module):
            sparse = not layer.values.all()
            # A layer with zeros keeps one number for them, as the fillers between distant weights need one.
            most = (1 << bits) - sparse
            fewer += share(layer.values, most) < most
            work.written(layer.name, "deep" if sparse else "codebook", bits=bits)
        if fewer:
            work.note("codebook", f"in {fewer} layers fewer than {most} values: the others are nearest to no weight")
        return module


def share(values: npt.NDArray[np.float32], most: int) -> int:
    """Replace what is not zero by the nearest of `most` values at most, in place; how many there are."""
    import numpy as np  # noqa: PLC0415 - as above

    from . import _codebook as codebooks  # noqa: PLC0415 - as above

    flat = values.reshape(-1)
    where = slice(None) if values.all() else np.flatnonzero(flat)
    own = flat[where]
    shared = codebooks.centroids(own, most)
    # A shared value of exactly zero would be taken for a pruned weight: the least number beside it is as near.
    shared[shared == 0] = np.finfo(np.float32).tiny
    flat[where] = shared[codebooks.nearest(own, shared)]
    return len(shared)
