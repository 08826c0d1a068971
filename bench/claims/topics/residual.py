"""ResNet's shortcuts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim, unable
from ..evidence import Evidence, counted, measured
from ..spans import SHARE, Span, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "residual"
PLACE = "ResNet details: What if number of channels changes?"
# Who says that a step costs little says so of less than a tenth of the whole.
LITTLE = 0.1
NETWORKS = {
    "B in ResNet-34": ("resnet/34", "resnet/34-a"),
    "B in ResNet-50": ("resnet/50", "resnet/50-a"),
    "C in ResNet-34": ("resnet/34-c", "resnet/34-a"),
    "C in ResNet-50": ("resnet/50-c", "resnet/50-a"),
}
BLOCKS = {
    "B in a block that halves the map": ("block/residual-halving-projected", "block/residual-halving-padded"),
    "C in a block that keeps it": ("block/residual-projected", "block/residual-identity"),
}


def _share(of_all: Span) -> Span:
    """What something adds, from what the whole is over the rest, as a share of the whole."""
    return of_all.through(lambda times: 1 - 1 / times, SHARE)


@claim(
    "projection",
    "apply a linear transformation to match the size (at little cost)",
    topic=TOPIC,
    place=PLACE,
    source="He et al. 2015, section 4.1",
    says="A pads with zeros, B projects where the shape changes, C everywhere; C is left out of the deeper networks for its cost",
    formula="1 - cost(option A) / cost(option B or C)",
    counts=[name for pair in (*NETWORKS.values(), *BLOCKS.values()) for name in pair],
    times=[name for pair in BLOCKS.values() for name in pair],
    remark="Where only the few blocks project that change the shape, it costs little. On every block, and between the wide"
    " ends of bottlenecks, it does not.",
)
def projection(seen: Evidence) -> Sequence[Part]:
    """The share that projections have."""
    bound = at_most(LITTLE, SHARE)
    work = [
        counted(f"{metric} of {name}", _share(seen.count(column, one, other)), bound)
        for name, (one, other) in NETWORKS.items()
        for metric, column in (("MACs", "macs"), ("params", "params"))
    ]
    return work + [measured(f"time of {name}", _share(seen.time(one, other)), bound) for name, (one, other) in BLOCKS.items()]


unable(
    "projection-pca",
    "a projection on a linear subspace, related to principal component analysis (PCA)",
    topic=TOPIC,
    place=PLACE,
    source="none is named",
    says="nothing",
    why="The projection is learned for the task and PCA is fitted to the data's variance; how alike they are would have to be"
    " said of trained weights by a measure that the lecture does not name.",
)
