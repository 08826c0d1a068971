"""`binary`: of each weight the sign, and one size for each filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compression import Option
from ..registry import compressor
from ._unstructured import Unstructured

if TYPE_CHECKING:
    from torch import nn

    from ..interfaces import Work


@compressor("binary")
class Binary(Unstructured):
    """The binary weights of XNOR-Net (Rastegari et al. 2016, section 3.1): the sign times the mean size of the filter's weights.

    Inputs stay as they are, and no kernel here computes with bits: the network is timed with these values in the case's
    precision. As in the paper, the first and the last layer are left alone.
    """

    description = "keep the sign of each weight and one size a filter; saves bytes on disk, and no time without a kernel for bits"
    options = (Option("all", "the first and the last layer too, which the paper leaves as they are", "flag"),)

    def apply(self, module: nn.Module, work: Work, **options: Any) -> nn.Module:
        """Round in place. Raises ValueError where no layer is left that could be rounded."""
        import numpy as np  # noqa: PLC0415 - as above

        from ._layers import layers  # noqa: PLC0415 - imports torch

        found = layers(module)
        chosen = found if options["all"] else found[1:-1]
        if not chosen:
            message = f"there is nothing between the first and the last of {len(found)} layers; binary:all takes these too"
            raise ValueError(message)
        for layer in chosen:
            filters = layer.values.reshape(len(layer.values), -1)
            sizes = np.abs(filters).mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
            filters[...] = np.where(np.signbit(filters), -sizes, sizes)
            work.written(layer.name, "binary")
        work.note("kernel", "none for bits: multiplied in the case's precision as any other weights")
        return module
