"""What the benefit of deep networks is."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ..entry import Part, claim, unable
from ..evidence import Evidence, counted, measured
from ..spans import less_than, more_than

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "depth"
PLACE = "What is the benefit of deep neural networks?"

# The monolith, and what is written in its place: both see as far.
INSTEAD = {
    "two 3x3 for a 5x5": ("block/stacked-5x5-full", "block/stacked-5x5-3x3"),
    "three 3x3 for a 7x7": ("block/stacked-7x7-full", "block/stacked-7x7-3x3"),
    "1x7 and 7x1 for a 7x7": ("block/factorised-7x7-full", "block/factorised-7x7-split"),
    "depthwise and 1x1 for a 3x3": ("block/full-3x3-512", "block/separable-512"),
}
DEPTHS = ("vgg/11", "vgg/13", "vgg/16", "vgg/19")


unable(
    "universal",
    "In principle a fully-connected network is sufficient",
    topic=TOPIC,
    place=PLACE,
    source="Hornik et al. 1989; Cybenko 1989",
    says="one hidden layer approximates any continuous function on a compact set",
    why="It is a theorem about what exists, and says nothing of a size: no measurement decides it. What such a layer costs at"
    " the size of a picture is counted by `vbench list --group approximator`.",
)


@claim(
    "receptive-field",
    "a deep network increases the receptive field",
    topic=TOPIC,
    place=PLACE,
    source="the recurrence of Araujo, Norris and Sim 2019",
    says="each layer adds (k - 1) times the stride so far",
    formula="field of the last map, each VGG over the one before it",
    counts=DEPTHS,
    pictures=("fields",),
    remark="Every further 3x3 adds to what a unit of the last map sees. That larger context also helps is a matter of accuracy.",
)
def receptive_field(seen: Evidence) -> Sequence[Part]:
    """Grow from depth to depth."""
    found = [counted(name, seen.value("receptive_field", name).through(lambda px: px, "px")) for name in DEPTHS]
    steps = pairwise(DEPTHS)
    return found + [
        counted(f"{deep} over {flat}", seen.count("receptive_field", deep, flat), more_than(1)) for flat, deep in steps
    ]


@claim(
    "simple-operations",
    "many simple operations work better than a monolithic one",
    topic=TOPIC,
    place=PLACE,
    source="Simonyan and Zisserman 2014, section 2.3; Szegedy et al. 2015, section 3.1",
    says="a 7x7 has 81 % more parameters than three 3x3; two 3x3 for a 5x5 save 28 %",
    formula="MACs(sequence) / MACs(one filter), and the same of their times; below 1 the sequence is cheaper",
    counts=[name for pair in INSTEAD.values() for name in pair],
    times=[name for pair in INSTEAD.values() for name in pair],
    remark="Both see equally far. Multiplications are saved by construction; time only where each of the small operations"
    " keeps the processor about as busy as the large one did. Better is held to mean cheaper: whether they also learn better is"
    " not measured here.",
)
def simple_operations(seen: Evidence) -> Sequence[Part]:
    """Fewer multiplications, and less time."""
    work = [counted(f"{name}, MACs", seen.count("macs", many, one), less_than(1)) for name, (one, many) in INSTEAD.items()]
    return work + [measured(f"{name}, time", seen.time(many, one), less_than(1)) for name, (one, many) in INSTEAD.items()]
