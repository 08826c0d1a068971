"""`magnitude:0.9`: nine tenths of the weights, the smallest ones, are zero; the network keeps its shape and its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..compression import Option
from ..registry import compressor
from ._unstructured import Unstructured

if TYPE_CHECKING:
    from torch import nn

    from ..interfaces import Work
    from ._layers import Layer

INDEX_BITS = 8


@compressor("magnitude")
class Magnitude(Unstructured):
    """Unstructured pruning (Han et al. 2015): the weights of convolutions and linear layers that are smallest become zero."""

    description = "set the smallest weights to zero, one by one; saves bytes on disk, and on dense kernels no time"
    options = (
        Option("ratio", "the share of the weights that becomes zero"),
        Option("global", "rank all layers' weights together, not each layer by itself", "flag"),
        Option("steps", "with --finetune, in so many steps with training after each", "whole", 1, low=1, high=64),
        Option("only", "of this layer alone", "text", ""),
    )

    def apply(self, module: nn.Module, work: Work, **options: Any) -> nn.Module:
        """Prune in place. Raises ValueError for a network without weights to prune."""
        from . import _pruning as pruning  # noqa: PLC0415 - as above
        from ._layers import layers  # noqa: PLC0415 - imports torch

        found, density = _only(layers(module), options.get("only", "")), 1.0 - options["ratio"]
        for group in [found] if options["global"] else [[layer] for layer in found]:
            pruning.prune([layer.values for layer in group], pruning.kept(density, sum(layer.values.size for layer in group)))
        for layer in found:
            work.written(layer.name, "sparse", index_bits=INDEX_BITS)
        return module

    def part(self, module: nn.Module, work: Work, number: int, whole: nn.Module, **options: Any) -> nn.Module:
        """Do one of the `steps`, the first being number 1: what is zero is the smallest, and so stays among what goes."""
        del whole
        return self.apply(module, work, **options | {"ratio": options["ratio"] * number / options["steps"]})


def _only(found: list[Layer], name: str) -> list[Layer]:
    """All of them, or the one of this path. Raises ValueError where there is none."""
    paths = [layer.name.rpartition(".")[0] for layer in found]
    if name and name not in paths:
        from ..errors import nearest  # noqa: PLC0415 - only for who names another

        message = f"only={name}: {nearest(name, paths)}; it must be a convolution or a linear layer"
        raise ValueError(message)
    return [layer for layer, path in zip(found, paths, strict=True) if not name or path == name]
