"""GoogLeNet and its Inception module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured, printed
from ..spans import SHARE, Band, Span, at_least, at_most, exact, less_than, missing, more_than, ratio, rounds_to

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "inception"
PLACE, SLIDE = "GoogLeNet (Inception Net V1)", "GoogLeNet: Inception module with dimension reduction"
GOOGLENET, ALEXNET, VGG = "googlenet/bottleneck", "alexnet/two-group", "vgg/16"
OTHERS = {"VGG-16": VGG, "AlexNet": ALEXNET}
NAIVE, BOTTLENECK = "block/inception-slide-naive", "block/inception-slide-bottleneck"
NAIVE_3B, BOTTLENECK_3B = "block/inception-3b-naive", "block/inception-3b-bottleneck"
MILLION = 1e6
# "Approximately 60 %" is stated to the ten.
APPROXIMATELY_60 = rounds_to(0.6, 0.1, SHARE)


@claim(
    "efficient-depth",
    "even deeper network with computational efficiency",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, introduction",
    says="a budget of 1.5 billion multiply-adds at inference",
    formula="MACs, time and depth of GoogLeNet over those of VGG-16, its rival of that year, and of AlexNet",
    counts=[GOOGLENET, VGG, ALEXNET],
    times=[GOOGLENET, VGG, ALEXNET],
    shows=[("depth", GOOGLENET), ("depth", VGG), ("depth", ALEXNET)],
    remark="Efficient is held to mean: deeper, and cheaper all the same. The lecture does not say than which network.",
)
def efficient_depth(seen: Evidence) -> Sequence[Part]:
    """Deeper and cheaper than what it is compared with."""
    depths = {name: seen.shown("depth", name, "longest_path") for name in (GOOGLENET, VGG, ALEXNET)}
    return [
        *(counted(f"MACs over {name}'s", seen.count("macs", GOOGLENET, other), less_than(1)) for name, other in OTHERS.items()),
        *(measured(f"time over {name}'s", seen.time(GOOGLENET, other), less_than(1)) for name, other in OTHERS.items()),
        *(
            demonstrated(f"depth over {name}'s", ratio(depths[GOOGLENET], depths[other], "times"), more_than(1, "times"))
            for name, other in OTHERS.items()
        ),
    ]


@claim(
    "22-layers",
    "22 layers",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, section 5",
    says="22 counting only layers with parameters, 27 with pooling",
    formula="layers with weights on the longest path",
    shows=[("depth", GOOGLENET)],
    remark="It is the depth, and not the number of layers: a module's convolutions stand side by side.",
)
def layers(seen: Evidence) -> Sequence[Part]:
    """Along the longest path."""
    return [
        demonstrated("the longest path", seen.shown("depth", GOOGLENET, "longest_path", "layers"), Band(22, 22, "layers")),
        demonstrated("all layers with weights", seen.shown("depth", GOOGLENET, "layers", "layers")),
    ]


@claim(
    "no-fc-googlenet",
    "No FC layers",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, section 5",
    says="average pooling in place of fully-connected layers, and one linear layer, for convenience",
    formula="linear layers, and their share of the parameters",
    shows=[("depth", GOOGLENET), ("depth", ALEXNET)],
    remark="The wide hidden layers of AlexNet are gone; the classifier is a fully-connected layer too.",
)
def no_fc(seen: Evidence) -> Sequence[Part]:
    """None at all."""
    return [
        demonstrated("GoogLeNet's linear layers", seen.shown("depth", GOOGLENET, "linear", "layers"), at_most(0, "layers")),
        demonstrated("their share of its parameters", seen.shown("depth", GOOGLENET, "linear_share", SHARE)),
        demonstrated("AlexNet's linear layers", seen.shown("depth", ALEXNET, "linear", "layers")),
        demonstrated("their share of its parameters", seen.shown("depth", ALEXNET, "linear_share", SHARE)),
    ]


@claim(
    "five-million",
    "Only 5 million parameters!",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, Table 1",
    says="no total; the column adds up to 6.8M",
    formula="weights and biases",
    counts=[GOOGLENET],
    remark="Five million is AlexNet's sixty over the paper's twelve, and no count.",
)
def five_million(seen: Evidence) -> Sequence[Part]:
    """Rounded to a million."""
    return [counted("parameters", seen.value("params", GOOGLENET), rounds_to(5 * MILLION, MILLION))]


@claim(
    "twelve-times",
    "(12x less than AlexNet!)",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, introduction",
    says="12 times fewer parameters than Krizhevsky et al.",
    formula="params(AlexNet) / params(GoogLeNet)",
    groups=["googlenet-alexnet"],
    remark="AlexNet is the one with two groups, as it was trained.",
)
def twelve_times(seen: Evidence) -> Sequence[Part]:
    """What rounds to the stated ratio."""
    return seen.stated("googlenet-alexnet", "params", digit=1)


@claim(
    "top5-6.7",
    "Better performance (@6.7 top 5 error)",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, Tables 2 and 3",
    says="6.67 % with 7 models and 144 crops",
    formula="100 - published top-5, by protocol",
    counts=[GOOGLENET],
    remark="The number of the competition: an ensemble of seven that looks at each picture a thousand times. A network that is"
    " timed here looks once.",
)
def top5(seen: Evidence) -> Sequence[Part]:
    """The paper's own table, protocol by protocol."""
    stated = rounds_to(6.7, 0.1, "%")
    found = {a.protocol: a for a in seen.published(GOOGLENET, lambda a: a.top5 is not None and "Szegedy" in a.source)}
    if not found:
        return [printed("top-5 error", missing("the catalogue has no top-5 of GoogLeNet's paper"), stated)]
    return [printed(name, exact(100 - (a.top5 or 0.0), "%"), stated) for name, a in found.items()]


@claim(
    "naive-854",
    "What's the problem? [the naive module takes 854M operations]",
    topic=TOPIC,
    place="GoogLeNet: What's the problem?",
    source="CS231n 2017, lecture 9, page 48",
    says="three sums, of the 1x1, the 3x3 and the 5x5, at 28x28x256: 854M",
    formula="MACs of the module",
    counts=[NAIVE],
    remark="Multiplications; the pooling is not counted, here as there.",
)
def naive(seen: Evidence) -> Sequence[Part]:
    """As printed."""
    return [counted("the slide's naive module", seen.value("macs", NAIVE), rounds_to(854 * MILLION, MILLION))]


@claim(
    "bottleneck-358",
    "Inception module with dimension reduction [takes 358M operations]",
    topic=TOPIC,
    place=SLIDE,
    source="CS231n 2017, lecture 9, page 55",
    says="six layers are listed, and 358M as their total",
    formula="MACs of the module",
    counts=[BOTTLENECK],
    remark="The six layers of that page add up to less than it says: its total has the 3x3 twice.",
)
def bottleneck(seen: Evidence) -> Sequence[Part]:
    """As printed."""
    return [counted("the slide's module with 1x1 layers", seen.value("macs", BOTTLENECK), rounds_to(358 * MILLION, MILLION))]


def _saved(part: Span) -> Span:
    return part.through(lambda share: 1 - share, SHARE)


@claim(
    "saves-60",
    "saves approximately 60% of computations",
    topic=TOPIC,
    place=SLIDE,
    source="CS231n 2017, lecture 9, pages 48 and 55",
    says="358M for 854M",
    formula="1 - MACs(with 1x1 layers) / MACs(naive)",
    counts=[NAIVE, BOTTLENECK, NAIVE_3B, BOTTLENECK_3B],
    remark="Approximately 60 is held to mean 55 to 65. The slide's module has 64 channels before its 3x3 and 64 before its 5x5;"
    " the paper's module 3b has 128 and 32, for the same naive module.",
)
def saves(seen: Evidence) -> Sequence[Part]:
    """Of multiplications."""
    return [
        counted("the slide's layers", _saved(seen.count("macs", BOTTLENECK, NAIVE)), APPROXIMATELY_60),
        counted("the paper's module 3b", _saved(seen.count("macs", BOTTLENECK_3B, NAIVE_3B)), APPROXIMATELY_60),
    ]


@claim(
    "saves-60-time",
    "saves approximately 60% of [the time]",
    topic=TOPIC,
    place=SLIDE,
    source="CS231n 2017, lecture 9, pages 48 and 55",
    says="nothing of time",
    formula="1 - time(with 1x1 layers) / time(naive), held against the least that approximately 60 can mean",
    times=[NAIVE, BOTTLENECK, NAIVE_3B, BOTTLENECK_3B],
    remark="A large dense filter keeps a processor busier than a small one that waits for a 1x1 before it: where this shows, less"
    " time is saved than work.",
)
def saves_time(seen: Evidence) -> Sequence[Part]:
    """Of time, at least what was said of the work."""
    band = at_least(APPROXIMATELY_60.low, SHARE)
    return [
        measured("the slide's layers", _saved(seen.time(BOTTLENECK, NAIVE)), band),
        measured("the paper's module 3b", _saved(seen.time(BOTTLENECK_3B, NAIVE_3B)), band),
    ]
