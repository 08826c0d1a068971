"""SqueezeNet, and what reduces a model further."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim, unable
from ..evidence import Evidence, counted, demonstrated, measured, printed
from ..spans import SHARE, at_least, at_most, exact, missing, no_more, rounds_to

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
    "Very small model size [50x fewer parameters than AlexNet]",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016, title and Table 2",
    says="AlexNet-level accuracy with 50x fewer parameters; 240 MB over 4.8 MB",
    formula="params(AlexNet) / params(SqueezeNet); the same of MACs",
    groups=["squeezenet"],
    counts=[ALEXNET, SQUEEZENET],
    remark="Fifty is held to be stated to the ten. Fewer parameters do not mean less work: the second number is the MACs'.",
)
def fifty(seen: Evidence) -> Sequence[Part]:
    """What rounds to the stated ratio of parameters."""
    return [
        *seen.stated("squeezenet", "params", digit=10),
        counted("alexnet/two-group over squeezenet/1.0, MACs", seen.count("macs", ALEXNET, SQUEEZENET)),
    ]


@claim(
    "efficient-execution",
    "Very small model size and efficient execution",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016",
    says="why small models matter (training, updates, embedded hardware); no time of SqueezeNet",
    formula="time(SqueezeNet) / time(AlexNet); achieved over attainable speed",
    counts=[SQUEEZENET, ALEXNET, LATER],
    times=[SQUEEZENET, LATER, ALEXNET],
    remark="Efficient is held to mean: no slower than the network that it replaces. With one picture AlexNet reads many weights"
    " for little work, SqueezeNet large maps for few weights. vbench reads no cache misses; the share of the speed that work and"
    " bytes would allow stands in for them.",
)
def efficient(seen: Evidence) -> Sequence[Part]:
    """No slower than AlexNet, in both versions."""
    return [
        counted("params of SqueezeNet 1.0 over AlexNet's", seen.count("params", SQUEEZENET, ALEXNET)),
        measured("time of SqueezeNet 1.0 over AlexNet's", seen.time(SQUEEZENET, ALEXNET), no_more()),
        measured("time of SqueezeNet 1.1 over AlexNet's", seen.time(LATER, ALEXNET), no_more()),
        *(measured(f"{name}, share of the attainable speed", seen.value("efficiency", name).through(float, SHARE)) for name in
          (SQUEEZENET, LATER, ALEXNET)),
    ]  # fmt: skip


@claim(
    "nine-times-1x1",
    "a 1x1 filter has 9X fewer parameters than a 3x3 filter",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016, section 3.1, strategy 1",
    says="the same",
    formula="params(3x3) / params(1x1) at equal channels",
    counts=[ONE, THREE, *FIRE],
    remark="By definition, but for the batch norm of the 3x3. A Fire module replaces half of its 3x3 filters and squeezes the"
    " channels before the rest (strategy 2): together they do what one of these alone would.",
)
def nine(seen: Evidence) -> Sequence[Part]:
    """Filter by filter, and for a Fire module."""
    return [
        counted("a 3x3 over a 1x1, 512 channels", seen.count("params", THREE, ONE), rounds_to(9, 1)),
        counted("a full 3x3 over a Fire module", seen.count("params", *FIRE)),
    ]


@claim(
    "late-downsampling",
    "Downsample late, known to yield higher accuracy",
    topic=TOPIC,
    place=PLACE,
    source="Iandola et al. 2016, section 3.1, strategy 3",
    says="He and Sun found that delayed downsampling led to higher accuracy",
    formula="top-1(SqueezeNet 1.0) - top-1(1.1, which pools earlier); MACs late / MACs early",
    counts=[SQUEEZENET, LATER, EARLY],
    remark="1.1 pools one and two layers earlier than 1.0. Its first layer also has fewer and smaller filters, which by"
    " themselves would not help it. All else is equal in `squeezenet/1.0-early`, of which nobody has published an accuracy: a"
    " training study of that pair would say more.",
)
def late(seen: Evidence) -> Sequence[Part]:
    """The published pair, of one protocol and one source."""
    return [
        printed(
            "points of top-1, 1.0 (late) over 1.1 (early)",
            _gain(seen, SQUEEZENET, LATER),
            at_least(DIFFERENT),
        ),
        printed("1.0 over 1.0 pooled early, all else equal", _gain(seen, SQUEEZENET, EARLY)),
        counted("1.0 over 1.0 pooled early, MACs", seen.count("macs", SQUEEZENET, EARLY)),
    ]


def _gain(seen: Evidence, one: str, other: str) -> Span:
    theirs = {(a.protocol, a.source): a.top1 for a in seen.published(other) if a.top1 is not None}
    for a in seen.published(one):
        if a.top1 is not None and (b := theirs.get((a.protocol, a.source))) is not None:
            return exact(a.top1 - b)
    return missing(f"the catalogue has no accuracies of {one} and {other} by one protocol and one source")


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
    return [demonstrated("linear layers", seen.shown("depth", SQUEEZENET, "linear", "layers"), at_most(0, "layers"))]


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
