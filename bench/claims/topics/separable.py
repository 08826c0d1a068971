"""Separable convolutions, in space and in depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import sums
from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured
from ..spans import SHARE, about, at_least, at_most, exact, missing, more_than

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..spans import Span

TOPIC = "separable"
SPATIAL, DEPTHWISE = "Separable Convolutions", "Mobile Net V1: Depthwise separable convolution"
FULL, SPLIT = "block/factorised-7x7-full", "block/factorised-7x7-split"
MOBILENET, FULL_CONV = "mobilenet/v1-1.0", "mobilenet/full-conv"
WIDTHS = (32, 128, 512, 1024)
CONVOLUTION, PRODUCT, DENSE = "block/pointwise-convolution", "block/pointwise-product", "block/full-3x3-512"
SIDE = 7


@claim(
    "14-vs-49",
    "reduction of parameters, e.g., 14 vs. 49 for 7x7 conv.",
    topic=TOPIC,
    place=SPATIAL,
    source="Szegedy et al. 2015, section 3.2",
    says="an nxn becomes a 1xn and an nx1",
    formula="MACs(1x7, 7x1) / MACs(7x7)",
    groups=["factorised"],
    remark="Exactly so where the width in between is that of input and output. Inception v3 keeps fewer channels in between"
    " on its first branch, and saves more.",
)
def fourteen(seen: Evidence) -> Sequence[Part]:
    """The stated ratio, to the digit that it is stated with."""
    return seen.stated("factorised", "macs", 0.005)


@claim(
    "no-diagonal",
    "no 'diagonal' entries possible",
    topic=TOPIC,
    place=SPATIAL,
    source="linear algebra: Eckart and Young 1936",
    says="a column after a row makes a kernel of rank one",
    formula="energy of a 7x7 identity that the best r columns-after-rows leave",
    pictures=("ranks",),
    remark="A single pair of thin filters cannot make a diagonal, and leaves most of it. With as many channels in between as"
    " the diagonal is long, the sum of the pairs is the diagonal itself; networks have far more.",
)
def no_diagonal(_: Evidence) -> Sequence[Part]:
    """Something is left, by the number of channels in between."""
    left = {rank: sums.rank_error(np.eye(SIDE), rank) for rank in range(1, SIDE + 1)}
    return [
        counted(f"left with {rank} channel{'s' * (rank > 1)} between", exact(round(share, 12), SHARE), more_than(0, SHARE))
        for rank, share in left.items()
    ]


@claim(
    "not-parallel",
    "successive layers can't be run in parallel",
    topic=TOPIC,
    place=SPATIAL,
    source="none is named",
    says="nothing",
    formula="(time(7x7) / time(1x7, 7x1)) / (MACs(7x7) / MACs(1x7, 7x1)); below 1 the sequence costs more than its work",
    counts=[FULL, SPLIT],
    times=[FULL, SPLIT],
    remark="Two launches, and a map written and read between them. What it costs is what the time saved lacks of the work saved.",
)
def not_parallel(seen: Evidence) -> Sequence[Part]:
    """Less time is saved than work."""
    work, time = seen.count("macs", FULL, SPLIT), seen.time(FULL, SPLIT)
    factor = work.value
    part = work if factor is None else time.through(lambda times: times / factor)
    return [
        counted("work saved", work.through(lambda times: times, "times")),
        measured("time saved", time.through(lambda times: times, "times")),
        measured("time saved over work saved", part, at_most(1)),
    ]


@claim(
    "eight-to-nine",
    "8-9 times less than conventional convolution",
    topic=TOPIC,
    place=DEPTHWISE,
    source="Howard et al. 2017, section 3.1",
    says="8 to 9 times less computation with 3x3 filters",
    formula="MACs(3x3) / MACs(3x3 depthwise, 1x1) = 1 / (1/N + 1/9)",
    groups=["depthwise", "mobilenet"],
    remark="From 128 channels on, and never nine. MobileNet's first layers have fewer channels; the network as a whole is"
    " within.",
)
def eight_to_nine(seen: Evidence) -> Sequence[Part]:
    """By the number of channels, and for the whole network."""
    return [*seen.stated("depthwise", "macs"), *seen.stated("mobilenet", "macs")]


@claim(
    "eight-to-nine-time",
    "8-9 times less (time)",
    topic=TOPIC,
    place=DEPTHWISE,
    source="Howard et al. 2017",
    says="nothing of time",
    formula="time(3x3) / time(3x3 depthwise, 1x1)",
    times=[
        *(name for width in WIDTHS for name in (f"block/full-3x3-{width}", f"block/separable-{width}")),
        FULL_CONV,
        MOBILENET,
    ],
    remark="A depthwise convolution reads as many values as it multiplies: it waits for memory where the dense one computes.",
)
def eight_to_nine_time(seen: Evidence) -> Sequence[Part]:
    """At least eight times quicker."""
    pairs = {f"{width} channels": (f"block/full-3x3-{width}", f"block/separable-{width}") for width in WIDTHS}
    pairs["the whole network"] = (FULL_CONV, MOBILENET)
    return [measured(name, seen.time(*pair), at_least(8)) for name, pair in pairs.items()]


@claim(
    "95-in-1x1",
    "95% of time spend on 1x1 convolutions",
    topic=TOPIC,
    place=DEPTHWISE,
    source="Howard et al. 2017, section 3.2, Table 2",
    says="the text says computation time, the table mult-adds: 94.86 %",
    formula="share of the 1x1 convolutions in MACs, and in time",
    shows=[("kinds", MOBILENET)],
    remark="The table is of multiplications, and of these it is true. Of the time, depthwise convolutions and what stands"
    " between the layers take far more than their share of the work.",
)
def in_pointwise(seen: Evidence) -> Sequence[Part]:
    """Of multiplications, and of time."""
    band = about(0.95, 0.01, SHARE)
    return [
        demonstrated("of the MACs", seen.shown("kinds", MOBILENET, "macs 1x1", SHARE), band),
        measured("of the time", seen.shown("kinds", MOBILENET, "time 1x1", SHARE), band),
        measured("of the time, depthwise", seen.shown("kinds", MOBILENET, "time depthwise", SHARE)),
        measured("of the time, no convolution", seen.shown("kinds", MOBILENET, "time other", SHARE)),
    ]


@claim(
    "matrix-product",
    "1x1 convolutions are an instance of general matrix multiplication",
    topic=TOPIC,
    place=DEPTHWISE,
    source="Howard et al. 2017, section 3.2",
    says="they need no reordering in memory to be one",
    formula="largest difference of the two answers, over the largest answer; time of the product over the convolution",
    shows=[("product", CONVOLUTION)],
    times=[CONVOLUTION, PRODUCT],
    remark="The same numbers to the rounding of fp32. That libraries give both the same time does not follow.",
)
def matrix_product(seen: Evidence) -> Sequence[Part]:
    """Equal to the rounding of fp32."""
    return [
        demonstrated("difference", seen.shown("product", CONVOLUTION, "difference"), at_most(1e-5)),
        measured("time of the product over the convolution", seen.time(PRODUCT, CONVOLUTION)),
    ]


def _achieved(seen: Evidence, name: str) -> Span:
    work, peak = seen.value("macs", name), seen.value("peak_flops", name)
    macs, most = work.value, peak.value
    if macs is None or most is None:
        return missing(f"{name} has no count, or this machine no ceiling")
    return seen.over(lambda seconds: 2 * macs / seconds / most, name, unit=SHARE)


@claim(
    "pointwise-optimised",
    "1x1 convolutions are highly optimized",
    topic=TOPIC,
    place=DEPTHWISE,
    source="Howard et al. 2017, section 3.2",
    says="general matrix multiplication is one of the most optimised numerical algorithms",
    formula="(MACs/time of the 1x1) / (MACs/time of the 3x3), both 512 channels at 14x14; and each over this machine's ceiling",
    counts=[CONVOLUTION, DENSE],
    times=[CONVOLUTION, DENSE],
    remark="Optimised is held to mean: at least as many multiplications in a second as the 3x3. Winograd's algorithm may give"
    " a 3x3 more than it counts.",
)
def pointwise_optimised(seen: Evidence) -> Sequence[Part]:
    """As busy as a dense 3x3."""
    work, time = seen.count("macs", CONVOLUTION, DENSE), seen.time(CONVOLUTION, DENSE)
    factor = work.value
    speed = work if factor is None else time.through(lambda times: factor / times)
    return [
        measured("MACs per second of the 1x1 over the 3x3", speed, at_least(1)),
        measured("1x1: share of the ceiling", _achieved(seen, CONVOLUTION)),
        measured("3x3: share of the ceiling", _achieved(seen, DENSE)),
    ]
