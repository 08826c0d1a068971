"""`deep-compression:0.1`, `deep-compression:vgg-16`: prune, share values, and write both in Huffman codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..compression import Option
from ..registry import compressor
from ._unstructured import Unstructured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from ..interfaces import Work
    from ._layers import Layer

# Bits of a distance: section 2 of the paper. Huffman coded, a distance that never occurs takes no room.
INDEX_BITS = {"conv": 8, "fc": 5}
PUBLISHED = ("alexnet", "vgg-16")


class Plan(NamedTuple):
    """What is done to a layer: the share of its weights that is kept, and the bits of a number and of a distance."""

    density: float
    bits: int
    index_bits: int


@compressor("deep-compression")
class DeepCompression(Unstructured):
    """The pipeline of Han, Mao, Dally 2016 without its retraining: what is found is how small, and how far from the original."""

    description = "prune by magnitude, share values by k-means, write distances and numbers in Huffman codes (Han et al. 2016)"
    options = (
        Option(
            "density",
            "the share of each layer's weights that is kept, or the network whose published densities and bits are taken",
            words=PUBLISHED,
        ),
        Option("conv", "the bits of a number in a convolution's codebook", "whole", default=8, low=1, high=8),
        Option("fc", "the bits of a number in a linear layer's codebook", "whole", default=5, low=1, high=8),
    )

    def apply(self, module: nn.Module, work: Work, **options: Any) -> nn.Module:
        """Compress in place. Raises ValueError where a published table has other layers than the network."""
        from . import _pruning as pruning  # noqa: PLC0415 - as above
        from ._layers import layers  # noqa: PLC0415 - imports torch
        from .codebook import share  # noqa: PLC0415 - as above

        found = layers(module)
        density = options["density"]
        if density in PUBLISHED:
            changed = [option.name for option in self.options if option.default not in (None, options[option.name])]
            plans = published(density, found, work, changed)
        else:
            plans = [Plan(density, options[layer.kind], INDEX_BITS[layer.kind]) for layer in found]
        for layer, plan in zip(found, plans, strict=True):
            pruning.prune([layer.values], pruning.kept(plan.density, layer.values.size))
            share(layer.values, (1 << plan.bits) - 1)
            work.written(layer.name, "deep", bits=plan.bits, index_bits=plan.index_bits)
        return module


def published(name: str, found: Sequence[Layer], work: Work, changed: Sequence[str] = ()) -> list[Plan]:
    """What the paper did to each layer, told by kind and order.

    Raises ValueError where the kinds of the layers are others, and where options were `changed` that the table decides.
    """
    from ._published import SOURCE, TABLES  # noqa: PLC0415 - only where a table is asked for

    table = TABLES[name]
    if changed:
        message = f"{name} has the bits of its table: leave out {' and '.join(changed)}, or give a density instead of {name}"
        raise ValueError(message)
    if [layer.kind for layer in found] != [line.kind for line in table.layers]:
        own, theirs = ([one.kind for one in lines] for lines in (found, table.layers))
        message = (
            f"{table.where} of the paper is that of {table.network}, with {theirs.count('conv')} convolutions and then "
            f"{theirs.count('fc')} linear layers; this network has {own.count('conv')} and {own.count('fc')}. "
            "Give a density instead, for example deep-compression:0.1"
        )
        raise ValueError(message)
    work.note("published", f"{table.ratio:g} times smaller, trained and retrained ({SOURCE}, {table.where}, {table.network})")
    other = [line.name for layer, line in zip(found, table.layers, strict=True) if layer.values.size != line.weights]
    if other:
        work.note("layers", f"of other sizes than in {table.where}: {', '.join(other)}")
    return [Plan(line.density, line.bits, line.index_bits) for line in table.layers]
