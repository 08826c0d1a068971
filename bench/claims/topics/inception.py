"""GoogLeNet and its Inception module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured, printed
from ..spans import SHARE, Band, Span, about, at_least, at_most, exact, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "inception"
PLACE = "GoogLeNet (Inception Net V1)"
GOOGLENET, ALEXNET, VGG, SQUEEZENET = "googlenet/bottleneck", "alexnet/two-group", "vgg/16", "squeezenet/1.0"
NAIVE, BOTTLENECK = "block/inception-slide-naive", "block/inception-slide-bottleneck"
NAIVE_3B, BOTTLENECK_3B = "block/inception-3b-naive", "block/inception-3b-bottleneck"
# A number printed in millions is as good as half of its last digit.
HALF_A_MILLION = 0.5e6
# "Approximately 60 %": between 55 and 65.
SAVED, SLACK = 0.60, 0.05


@claim(
    "naive-854",
    "the naive module takes 854M operations",
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
    return [counted("MACs", seen.value("macs", NAIVE), Band(854e6 - HALF_A_MILLION, 854e6 + HALF_A_MILLION))]


@claim(
    "bottleneck-358",
    "with 1x1 bottlenecks it takes 358M",
    topic=TOPIC,
    place="GoogLeNet: Inception module with dimension reduction",
    source="CS231n 2017, lecture 9, page 55",
    says="six layers are listed, and 358M as their total",
    formula="MACs of the module",
    counts=[BOTTLENECK],
    remark="The slide's sum is too large by exactly the 3x3, which is counted twice.",
)
def bottleneck(seen: Evidence) -> Sequence[Part]:
    """As printed."""
    return [counted("MACs", seen.value("macs", BOTTLENECK), Band(358e6 - HALF_A_MILLION, 358e6 + HALF_A_MILLION))]


def _saved(part: Span) -> Span:
    return part.through(lambda share: 1 - share, SHARE)


@claim(
    "saves-60",
    "saves approximately 60% of computations",
    topic=TOPIC,
    place="GoogLeNet: Inception module with dimension reduction",
    source="CS231n 2017, lecture 9, pages 48 and 55",
    says="358M for 854M",
    formula="1 - MACs(bottleneck) / MACs(naive)",
    counts=[NAIVE, BOTTLENECK, NAIVE_3B, BOTTLENECK_3B],
    remark="The layers that the slide lists save more than it says. The paper's own module 3b, whose 5x5 reads half as many"
    " channels as the slide's, is nearer to it.",
)
def saves(seen: Evidence) -> Sequence[Part]:
    """Of multiplications."""
    band = Band(SAVED - SLACK, SAVED + SLACK, SHARE)
    return [
        counted("the slide's layers", _saved(seen.count("macs", BOTTLENECK, NAIVE)), band),
        counted("the paper's module 3b", _saved(seen.count("macs", BOTTLENECK_3B, NAIVE_3B)), band),
    ]


@claim(
    "saves-60-time",
    "saves approximately 60% (of the time)",
    topic=TOPIC,
    place="GoogLeNet: Inception module with dimension reduction",
    source="as above",
    says="nothing of time",
    formula="1 - time(bottleneck) / time(naive)",
    times=[NAIVE, BOTTLENECK, NAIVE_3B, BOTTLENECK_3B],
    remark="A large dense filter keeps a processor busier than a small one that waits for a 1x1 before it, so less time is"
    " saved than work where this shows, and as much where it does not.",
)
def saves_time(seen: Evidence) -> Sequence[Part]:
    """Of time, at least what was said of the work."""
    band = at_least(SAVED - SLACK, SHARE)
    return [
        measured("the slide's layers", _saved(seen.time(BOTTLENECK, NAIVE)), band),
        measured("the paper's module 3b", _saved(seen.time(BOTTLENECK_3B, NAIVE_3B)), band),
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
    return [counted("params", seen.value("params", GOOGLENET), Band(5e6 - HALF_A_MILLION, 5e6 + HALF_A_MILLION))]


@claim(
    "twelve-times",
    "12x less than AlexNet!",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, introduction",
    says="12 times fewer parameters than Krizhevsky et al.",
    formula="params(AlexNet) / params(GoogLeNet)",
    groups=["googlenet-alexnet"],
    remark="About nine times, with AlexNet's two groups as it was trained.",
)
def twelve_times(seen: Evidence) -> Sequence[Part]:
    """The stated ratio, give or take a tenth."""
    return seen.stated("googlenet-alexnet", "params", 0.1)


@claim(
    "22-layers",
    "22 layers",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, section 5",
    says="22 counting only layers with parameters, 27 with pooling",
    formula="layers with weights on the longest path",
    shows=[("depth", GOOGLENET)],
    remark="It is the depth. The network has more than twice as many convolutions, side by side.",
)
def layers(seen: Evidence) -> Sequence[Part]:
    """Along the longest path."""
    return [
        demonstrated("longest path", seen.shown("depth", GOOGLENET, "longest_path"), Band(22, 22)),
        demonstrated("layers with weights", seen.shown("depth", GOOGLENET, "layers")),
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
    remark="The wide hidden layers of AlexNet are gone; the classifier is a fully-connected layer and stays.",
)
def no_fc(seen: Evidence) -> Sequence[Part]:
    """None at all."""
    return [
        demonstrated("linear layers", seen.shown("depth", GOOGLENET, "linear"), at_most(0)),
        demonstrated("their share of the parameters", seen.shown("depth", GOOGLENET, "linear_share", SHARE)),
        demonstrated("AlexNet's", seen.shown("depth", ALEXNET, "linear")),
        demonstrated("their share", seen.shown("depth", ALEXNET, "linear_share", SHARE)),
    ]


@claim(
    "efficient-depth",
    "even deeper network with computational efficiency",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, introduction",
    says="a budget of 1.5 billion multiply-adds at inference",
    formula="MACs and time of GoogLeNet over those of VGG-16 and of AlexNet",
    counts=[GOOGLENET, VGG, ALEXNET],
    times=[GOOGLENET, VGG, ALEXNET],
    remark="Cheap against VGG-16, its rival of that year. Against AlexNet it is deeper and costs more.",
)
def efficient_depth(seen: Evidence) -> Sequence[Part]:
    """Cheaper than what it is compared with."""
    others = {"VGG-16": VGG, "AlexNet": ALEXNET}
    return [
        *(counted(f"MACs over {name}", seen.count("macs", GOOGLENET, other), at_most(1)) for name, other in others.items()),
        *(measured(f"time over {name}", seen.time(GOOGLENET, other), at_most(1)) for name, other in others.items()),
    ]


@claim(
    "top5-6.7",
    "Better performance (@6.7 top 5 error)",
    topic=TOPIC,
    place=PLACE,
    source="Szegedy et al. 2014, Tables 2 and 3",
    says="6.67 % with 7 models and 144 crops",
    formula="100 - published top-5, by protocol",
    counts=[GOOGLENET],
    remark="The number of the competition, by an ensemble of seven that looks at each picture a thousand times. One network"
    " that looks once, as it is used and timed here, errs half as often again.",
)
def top5(seen: Evidence) -> Sequence[Part]:
    """The paper's own table, protocol by protocol."""
    found = {a.protocol: a for a in seen.published(GOOGLENET, lambda a: a.top5 is not None and "Szegedy" in a.source)}
    if not found:
        return [printed("top-5 error", missing("the catalogue has no top-5 of GoogLeNet's paper"), about(6.7, 0.01, "%"))]
    return [printed(name, exact(100 - (a.top5 or 0.0), "%"), about(6.7, 0.01, "%")) for name, a in found.items()]
