"""Groups of channels: ResNeXt and ShuffleNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured, printed
from ..spans import SHARE, about, at_least, at_most, exact, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..spans import Span

TOPIC = "grouped"
RESNEXT, SHUFFLENET = "ResNeXt: Aggregated Residual Transformations", "ShuffleNet"
NARROW, GROUPED = "resnet/50", "resnext/50-32x4d"
# "The same" of two costs: give or take a twentieth.
SAME = 0.05
CARDINAL, DEEPER, WIDER = "resnext/101-64x4d", "resnet/200", "resnet/101-w100"
GROUPS = (2, 4, 8)
DENSE = "block/grouped-1x1-g1"
NETWORK = ("shufflenet/v1-g8", "shufflenet/v1-g8-dense")


@claim(
    "same-operations",
    "larger number of channels, same number of operations",
    topic=TOPIC,
    place=RESNEXT,
    source="Xie et al. 2016, Tables 1 and 2",
    says="about 4.1 and 7.8 GFLOPs are preserved",
    formula="MACs(ResNeXt) / MACs(ResNet)",
    groups=["cardinality-50", "cardinality-101"],
    remark="To a few percent: the widths are rounded to whole channels per group.",
)
def same_operations(seen: Evidence) -> Sequence[Part]:
    """The stated equality, give or take a twentieth."""
    return [*seen.stated("cardinality-50", "macs", SAME), *seen.stated("cardinality-101", "macs", SAME)]


@claim(
    "same-operations-time",
    "same number of operations (same time)",
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
        measured("time", seen.time(GROUPED, NARROW), about(1, SAME)),
        counted("activations", seen.count("activations", GROUPED, NARROW)),
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
    "cardinality",
    "increasing cardinality is more effective than going deeper or wider",
    topic=TOPIC,
    place=RESNEXT,
    source="Xie et al. 2016, Table 4",
    says="at twice the cost of ResNet-101: deeper 21.7, wider 21.3, 64 groups 20.4 % error",
    formula="top-1(64x4d) minus that of the deeper and of the wider; times over the same",
    counts=[CARDINAL, DEEPER, WIDER],
    times=[CARDINAL, DEEPER, WIDER],
    remark="At equal counted work the groups have the better accuracy. What they cost in time on this machine is the other"
    " half of the comparison.",
)
def cardinality(seen: Evidence) -> Sequence[Part]:
    """More accurate, and no slower."""
    others = {"deeper": DEEPER, "wider": WIDER}
    return [
        *(counted(f"MACs over the {name}", seen.count("macs", CARDINAL, other)) for name, other in others.items()),
        *(printed(f"points over the {name}", _gain(seen, CARDINAL, other), at_least(0)) for name, other in others.items()),
        *(measured(f"time over the {name}", seen.time(CARDINAL, other), at_most(1 + SAME)) for name, other in others.items()),
    ]


@claim(
    "one-over-g",
    "1/#g parameters, where #g is the cardinality",
    topic=TOPIC,
    place=SHUFFLENET,
    source="Zhang et al. 2017, section 3.1",
    says="each convolution works on its own group of input channels",
    formula="cost(g groups) / cost(one group)",
    groups=["grouped-pointwise"],
    counts=NETWORK,
    remark="Of the convolution exactly; its batch norm stays, and in a whole network so do depthwise layers and the"
    " classifier. At one budget the paper spends what it saves on wider maps.",
)
def one_over_g(seen: Evidence) -> Sequence[Part]:
    """The stated shares: of the work to the digit, of the parameters give or take a tenth for batch norm."""
    return [
        *seen.stated("grouped-pointwise", "macs", 1e-9),
        *seen.stated("grouped-pointwise", "params", 0.1),
        counted("MACs of ShuffleNet g8 over the same without groups", seen.count("macs", *NETWORK)),
    ]


@claim(
    "one-over-g-time",
    "less parameters for 1x1 conv (and less time)",
    topic=TOPIC,
    place=SHUFFLENET,
    source="Zhang et al. 2017, Table 8",
    says="actual inference time on a phone",
    formula="time(g groups) / time(one group), held against 1/g",
    times=[DENSE, *(f"block/grouped-1x1-g{groups}" for groups in GROUPS), *NETWORK],
    remark="Where the small products no longer keep the processor busy, time stops falling with the work.",
)
def one_over_g_time(seen: Evidence) -> Sequence[Part]:
    """In time as in parameters, give or take a fifth."""
    parts = [
        measured(f"{groups} groups", seen.time(f"block/grouped-1x1-g{groups}", DENSE), at_most(1.2 / groups)) for groups in GROUPS
    ]
    return [*parts, measured("ShuffleNet g8 over the same without groups", seen.time(*NETWORK))]


@claim(
    "cross-talk",
    "shuffle features for cross-talk",
    topic=TOPIC,
    place=SHUFFLENET,
    source="Zhang et al. 2017, Figure 1",
    says="with a shuffle, input and output channels are fully related",
    formula="share of the input channels that have a part in an output of two grouped 1x1 in sequence",
    shows=[(("reach"), f"block/grouped-1x1-g{groups}{suffix}") for groups in GROUPS for suffix in ("", "-shuffle")],
    times=[f"block/grouped-1x1-g8{suffix}" for suffix in ("", "-shuffle")],
    remark="Without a shuffle a group never hears of another, however many layers follow. With it, every input reaches every"
    " output after two.",
)
def cross_talk(seen: Evidence) -> Sequence[Part]:
    """All inputs with the shuffle; without, one group's."""
    parts = []
    for groups in GROUPS:
        name = f"block/grouped-1x1-g{groups}"
        parts.append(
            demonstrated(f"{groups} groups, shuffled", seen.shown("reach", f"{name}-shuffle", "share", SHARE), at_least(1, SHARE))
        )
        parts.append(demonstrated(f"{groups} groups, not shuffled", seen.shown("reach", name, "share", SHARE)))
    return [
        *parts,
        measured("time of 8 groups with over without", seen.time("block/grouped-1x1-g8-shuffle", "block/grouped-1x1-g8")),
    ]
