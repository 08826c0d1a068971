"""SqueezeNet, and what reduces a model further."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim, unable
from ..evidence import Evidence, counted, demonstrated, measured, printed
from ..spans import SHARE, about, at_least, at_most, exact, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..spans import Span

TOPIC = "squeezed"
PLACE = "SqueezeNet"
ALEXNET, SQUEEZENET, LATER, EARLY = "alexnet/two-group", "squeezenet/1.0", "squeezenet/1.1", "squeezenet/1.0-early"
ONE, THREE = "block/pointwise-convolution", "block/full-3x3-512"
FIRE = ("block/fire-full", "block/fire-squeezed")
# Two trainings of one network differ by some tenths of a point: half of one is a difference.
DIFFERENT = 0.5


@claim(
    "fifty-times",
    "Very small model size (50x fewer parameters than AlexNet)",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016, title",
    says="240 MB over 4.8 MB",
    formula="params(AlexNet) / params(SqueezeNet); the same of MACs",
    groups=["squeezenet"],
    counts=[ALEXNET, SQUEEZENET],
    remark="Of the parameters, rounded up. The work is not a fiftieth: it is more than AlexNet's.",
)
def fifty(seen: Evidence) -> Sequence[Part]:
    """The stated ratio of parameters, give or take a twentieth."""
    return [
        *seen.stated("squeezenet", "params", 0.05),
        counted("MACs of AlexNet over SqueezeNet", seen.count("macs", ALEXNET, SQUEEZENET)),
    ]


@claim(
    "nine-times-1x1",
    "a 1x1 filter has 9X fewer parameters than a 3x3 filter",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016, section 3.1, strategy 1",
    says="the same",
    formula="MACs(3x3) / MACs(1x1) at equal channels and map",
    counts=[ONE, THREE, *FIRE],
    remark="By definition. Of a whole Fire module, which replaces half of the 3x3 and squeezes before the rest, the"
    " parameters are even fewer.",
)
def nine(seen: Evidence) -> Sequence[Part]:
    """Filter by filter, and for a Fire module."""
    return [
        counted("a 3x3 over a 1x1, 512 channels", seen.count("macs", THREE, ONE), about(9, 1e-9)),
        counted("params of a full 3x3 over a Fire module", seen.count("params", *FIRE), at_least(9)),
    ]


@claim(
    "efficient-execution",
    "Very small model size and efficient execution",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016",
    says="claims model size, and leaves execution to others",
    formula="time(SqueezeNet) / time(AlexNet); achieved over attainable",
    counts=[SQUEEZENET, ALEXNET, LATER],
    times=[SQUEEZENET, LATER, ALEXNET],
    remark="Efficient is held to mean: no slower than the network that it replaces. A request of one picture makes AlexNet"
    " wait for its weights, SqueezeNet for its maps. Cache misses cannot be read here; the share of what is attainable stands"
    " in for them.",
)
def efficient(seen: Evidence) -> Sequence[Part]:
    """No slower than AlexNet, in both versions."""
    return [
        counted("params over AlexNet's", seen.count("params", SQUEEZENET, ALEXNET)),
        measured("time of 1.0 over AlexNet", seen.time(SQUEEZENET, ALEXNET), at_most(1)),
        measured("time of 1.1 over AlexNet", seen.time(LATER, ALEXNET), at_most(1)),
        *(measured(f"{name}: share of what is attainable", seen.value("efficiency", name).through(float, SHARE)) for name in
          (SQUEEZENET, LATER, ALEXNET)),
    ]  # fmt: skip


@claim(
    "late-downsampling",
    "Downsample late, known to yield higher accuracy",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016, section 3.1, strategy 3",
    says="He and Sun found that delayed downsampling led to higher accuracy",
    formula="top-1(SqueezeNet 1.0) - top-1(1.1, which pools earlier); MACs late / MACs early",
    counts=[SQUEEZENET, LATER, EARLY],
    remark="The published pair pools one and two layers earlier and loses nothing; it also has fewer filters in its first"
    " layer, so it is not the only thing that differs. Pooling early, with all else equal, is `squeezenet/1.0-early`, for"
    " which a training study would be needed. What late pooling costs is certain.",
)
def late(seen: Evidence) -> Sequence[Part]:
    """The published pair, of one protocol and one source."""
    return [
        counted("MACs late over early", seen.count("macs", SQUEEZENET, EARLY)),
        printed("top-1 of late minus early, in points", _gain(seen, SQUEEZENET, LATER), at_least(DIFFERENT)),
    ]


def _gain(seen: Evidence, one: str, other: str) -> Span:
    theirs = {(a.protocol, a.source): a.top1 for a in seen.published(other) if a.top1 is not None}
    for a in seen.published(one):
        if a.top1 is not None and (b := theirs.get((a.protocol, a.source))) is not None:
            return exact(a.top1 - b)
    return missing("the catalogue has no published pair of one protocol and one source")


@claim(
    "no-fc-squeezenet",
    "No fully connected layers, use global average pooling instead",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016, section 3.3",
    says="the lack of fully-connected layers was inspired by Network in Network",
    formula="linear layers",
    shows=[("depth", SQUEEZENET)],
    remark="Its classifier is a 1x1 convolution, averaged.",
)
def no_fc(seen: Evidence) -> Sequence[Part]:
    """None at all."""
    return [demonstrated("linear layers", seen.shown("depth", SQUEEZENET, "linear"), at_most(0))]


unable(
    "cache-efficiency",
    "efficiency of operations (cache efficiency)",
    topic=TOPIC,
    place="Network comparison",
    source="none is named",
    says="nothing",
    why="Misses of a cache are in the processor's counters, which most virtual machines and containers do not let a program"
    " read. The share of the attainable speed (`efficiency`) is what can be said instead.",
)
unable(
    "pruning",
    "Pruning: remove the low-ranking neurons",
    topic=TOPIC,
    place="Reducing the model footprint",
    source="Molchanov et al. 2017; Han et al. 2015",
    says="AlexNet 35 and VGG-16 49 times smaller without loss of accuracy",
    why="Whether accuracy survives needs trained weights and the pictures that they were trained for; with random weights no"
    " neuron ranks below another for a reason.",
)
