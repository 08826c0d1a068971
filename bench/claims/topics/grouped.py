"""Groups of channels: ResNeXt and ShuffleNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured, printed
from ..spans import SAME, SHARE, at_least, at_most, exact, less_than, missing, more_than, no_more, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..spans import Span

TOPIC = "grouped"
RESNEXT, SHUFFLENET = "ResNeXt: Aggregated Residual Transformations", "ShuffleNet"
NARROW, GROUPED = "resnet/50", "resnext/50-32x4d"
PAIRS = {"50 layers": (GROUPED, NARROW), "101 layers": ("resnext/101-32x4d", "resnet/101")}
CARDINAL, DEEPER, WIDER = "resnext/101-64x4d", "resnet/200", "resnet/101-w100"
GROUPS = (2, 4, 8)
DENSE = "block/grouped-1x1-g1"
NETWORK = ("shufflenet/v1-g8", "shufflenet/v1-g8-dense")


@claim(
    "same-operations",
    "larger number of channels, same number of operations",
    topic=TOPIC,
    place=RESNEXT,
    source="Xie et al. 2016, Table 3",
    says="about 4.1 and 7.8 GFLOPs are preserved",
    formula="MACs(ResNeXt) / MACs(ResNet), and the values of all maps, which grow with the channels",
    groups=["cardinality-50", "cardinality-101"],
    counts=[name for pair in PAIRS.values() for name in pair],
    remark="The same is held to mean: give or take a twentieth. The widths are rounded to whole channels per group.",
)
def same_operations(seen: Evidence) -> Sequence[Part]:
    """The stated equality, and more values."""
    return [
        *seen.stated("cardinality-50", "macs", SAME),
        *seen.stated("cardinality-101", "macs", SAME),
        *(
            counted(f"values of all maps at {depth}", seen.count("activations", *pair), more_than(1))
            for depth, pair in PAIRS.items()
        ),
    ]


@claim(
    "same-operations-time",
    "same number of operations [in the same time]",
    topic=TOPIC,
    place=RESNEXT,
    source="Xie et al. 2016",
    says="nothing of time",
    formula="time(ResNeXt-50) / time(ResNet-50)",
    counts=[NARROW, GROUPED],
    times=[NARROW, GROUPED],
    remark="Equal work is no equal time: a grouped convolution has less to reuse of what it reads, and the maps are wider.",
)
def same_time(seen: Evidence) -> Sequence[Part]:
    """Give or take a twentieth."""
    return [
        measured("time of ResNeXt-50 over ResNet-50's", seen.time(GROUPED, NARROW), same()),
        counted("values of all its maps over ResNet-50's", seen.count("activations", GROUPED, NARROW)),
    ]


def _gain(seen: Evidence, one: str, other: str) -> Span:
    """Points of top-1, of equal protocols and, where there is one, of the same source."""
    pairs = [
        (a.source == b.source, a.top1 - b.top1)
        for a in seen.published(one)
        for b in seen.published(other)
        if a.top1 is not None and b.top1 is not None and a.protocol == b.protocol
    ]
    if not pairs:
        return missing(f"the catalogue has no accuracy of {one} and {other} by one protocol")
    return exact(max(pairs, key=lambda pair: pair[0])[1])


@claim(
    "improved-performance",
    "improved performance",
    topic=TOPIC,
    place=RESNEXT,
    source="Xie et al. 2016, Table 3",
    says="lower error at preserved cost, with 50 layers and with 101",
    formula="top-1(ResNeXt) - top-1(ResNet), by one protocol and, where there is one, one source",
    counts=[name for pair in PAIRS.values() for name in pair],
    remark="Published accuracies; they are of the networks whose work the entries beside this one compare.",
)
def improved(seen: Evidence) -> Sequence[Part]:
    """More accurate at either depth."""
    return [printed(f"points of top-1 with {depth}", _gain(seen, *pair), more_than(0)) for depth, pair in PAIRS.items()]


@claim(
    "cardinality",
    "increasing cardinality is more effective than going deeper or wider when we increase the capacity",
    topic=TOPIC,
    place=RESNEXT,
    source="Xie et al. 2016, Table 4",
    says="at twice the cost of ResNet-101: deeper 21.7, wider 21.3, 64 groups 20.4 % error",
    formula="top-1(64x4d) minus that of the deeper and of the wider; times over the same",
    counts=[CARDINAL, DEEPER, WIDER],
    times=[CARDINAL, DEEPER, WIDER],
    remark="More effective is held to mean: a better accuracy, for no more time. The three networks have about the same work, by"
    " the paper's design.",
)
def cardinality(seen: Evidence) -> Sequence[Part]:
    """More accurate, and no slower."""
    others = {"deeper ResNet-200": DEEPER, "wider ResNet-101": WIDER}
    return [
        *(
            printed(f"points of top-1 over the {name}", _gain(seen, CARDINAL, other), more_than(0))
            for name, other in others.items()
        ),
        *(measured(f"time over the {name}'s", seen.time(CARDINAL, other), no_more()) for name, other in others.items()),
        *(counted(f"MACs over the {name}'s", seen.count("macs", CARDINAL, other)) for name, other in others.items()),
    ]


@claim(
    "cross-talk",
    "shuffle features for cross-talk",
    topic=TOPIC,
    place=SHUFFLENET,
    source="Zhang et al. 2017, Figure 1",
    says="with a shuffle, input and output channels are fully related",
    formula="share of the input channels that have a part in an output of two grouped 1x1 in sequence",
    shows=[("reach", f"block/grouped-1x1-g{groups}{suffix}") for groups in GROUPS for suffix in ("", "-shuffle")],
    times=[f"block/grouped-1x1-g8{suffix}" for suffix in ("", "-shuffle")],
    remark="Without a shuffle a group never hears of another, however many layers follow. With it, every input reaches every"
    " output after two.",
)
def cross_talk(seen: Evidence) -> Sequence[Part]:
    """All inputs with the shuffle, and not all without."""
    parts = []
    for groups in GROUPS:
        name = f"block/grouped-1x1-g{groups}"
        parts.append(
            demonstrated(f"{groups} groups, shuffled", seen.shown("reach", f"{name}-shuffle", "share", SHARE), at_least(1, SHARE))
        )
        parts.append(
            demonstrated(f"{groups} groups, not shuffled", seen.shown("reach", name, "share", SHARE), less_than(1, SHARE))
        )
    return [
        *parts,
        measured("time of 8 groups, shuffled over not", seen.time("block/grouped-1x1-g8-shuffle", "block/grouped-1x1-g8")),
    ]


@claim(
    "one-over-g",
    "less parameters for 1x1 conv: 1/ #g parameters, where #g is the cardinality",
    topic=TOPIC,
    place=SHUFFLENET,
    source="Zhang et al. 2017, section 3.1",
    says="each convolution works on its own group of input channels",
    formula="cost(g groups) / cost(one group)",
    groups=["grouped-pointwise"],
    counts=NETWORK,
    remark="The products are those of the convolution alone. The parameters hold its batch norm too, which groups do not"
    " divide, so a tenth more is allowed; in a whole network depthwise layers and the classifier stay as they are as well.",
)
def one_over_g(seen: Evidence) -> Sequence[Part]:
    """The stated shares: of the work exactly, of the parameters give or take a tenth for batch norm."""
    return [
        *seen.stated("grouped-pointwise", "macs", 1e-9),
        *seen.stated("grouped-pointwise", "params", 0.1),
        counted("ShuffleNet with 8 groups over the same without, MACs", seen.count("macs", *NETWORK)),
    ]


@claim(
    "one-over-g-time",
    "1/ #g [of the time] for 1x1 conv",
    topic=TOPIC,
    place=SHUFFLENET,
    source="Zhang et al. 2017, Table 8",
    says="actual inference time on a phone",
    formula="time(g groups) / time(one group), held against 1/g, give or take a twentieth",
    times=[DENSE, *(f"block/grouped-1x1-g{groups}" for groups in GROUPS), *NETWORK],
    remark="Where the small products no longer keep the processor busy, time stops falling with the work.",
)
def one_over_g_time(seen: Evidence) -> Sequence[Part]:
    """In time as in parameters."""
    parts = [
        measured(f"{groups} groups", seen.time(f"block/grouped-1x1-g{groups}", DENSE), at_most((1 + SAME) / groups))
        for groups in GROUPS
    ]
    return [*parts, measured("ShuffleNet with 8 groups over the same without", seen.time(*NETWORK))]
