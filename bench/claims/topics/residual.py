"""ResNet's shortcuts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim, unable
from ..evidence import Evidence, counted, demonstrated, measured
from ..spans import LITTLE, SHARE, Band, Span, at_most

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "residual"
PLACE = "ResNet details: What if number of channels changes?"
DRAWN = "resnet/34"
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
    "32-layers",
    "ResNet 32 (32 layers)",
    topic=TOPIC,
    place="ResNet details",
    source="He et al. 2015, Figure 3 and section 4.2",
    says="the network that starts with a 7x7 of 64 channels at stride 2, as the slide's does, has 34 layers; ResNet-32 is one of"
    " the networks for CIFAR-10, 16 to 64 channels wide",
    formula="layers with weights on the longest path of the network that is drawn",
    shows=[("depth", DRAWN)],
    remark="The name counts what the longest path holds: the first convolution, two in each block, and the classifier.",
)
def layers(seen: Evidence) -> Sequence[Part]:
    """As the slide has it."""
    return [
        demonstrated(
            "the longest path of ResNet-34", seen.shown("depth", DRAWN, "longest_path", "layers"), Band(32, 32, "layers")
        )
    ]


@claim(
    "projection",
    "apply a linear transformation to match the size [at little cost]",
    topic=TOPIC,
    place=PLACE,
    source="He et al. 2015, section 4.1",
    says="A pads with zeros, B projects where the shape changes, C everywhere; C is left out of the deeper networks for its cost",
    formula="1 - cost(option A) / cost(option B or C)",
    counts=[name for pair in (*NETWORKS.values(), *BLOCKS.values()) for name in pair],
    times=[name for pair in BLOCKS.values() for name in pair],
    remark="Little is held to mean: at most a tenth of the whole. B projects in the few blocks that change the shape, C in every"
    " one; in a network of bottlenecks the projection joins the wide ends.",
)
def projection(seen: Evidence) -> Sequence[Part]:
    """The share that projections have."""
    bound = at_most(LITTLE, SHARE)
    work = [
        counted(f"{name}, {metric}", _share(seen.count(column, one, other)), bound)
        for name, (one, other) in NETWORKS.items()
        for metric, column in (("MACs", "macs"), ("params", "params"))
    ]
    return work + [measured(f"{name}, time", _share(seen.time(one, other)), bound) for name, (one, other) in BLOCKS.items()]


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
