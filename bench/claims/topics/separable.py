"""Separable convolutions, in space and in depth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .. import sums
from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured
from ..spans import SAME, SHARE, at_least, at_most, exact, missing, more_than, rounds_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..spans import Span

TOPIC = "separable"
SPATIAL, DEPTHWISE = "Separable Convolutions", "Mobile Net V1: Depthwise separable convolution"
FULL, SPLIT = "block/factorised-7x7-full", "block/factorised-7x7-split"
THIN = {
    "as many channels between as before": (SPLIT, FULL),
    "Inception v3's first such branch, fewer between": (
        "block/factorised-7x7-6b-split",
        "block/factorised-7x7-6b-full",
    ),
}
MOBILENET, FULL_CONV = "mobilenet/v1-1.0", "mobilenet/full-conv"
WIDTHS = (32, 128, 512, 1024)
CONVOLUTION, PRODUCT, DENSE = "block/pointwise-convolution", "block/pointwise-product", "block/full-3x3-512"
BUSY = {
    "1x1": CONVOLUTION,
    "3x3": DENSE,
    "3x3 depthwise and 1x1": "block/separable-512",
    "1x1 in 8 groups": "block/grouped-1x1-g8",
}


@claim(
    "14-vs-49",
    "reduction of parameters, e.g., 14 vs. 49 for 7x7 conv.",
    topic=TOPIC,
    place=SPATIAL,
    source="Szegedy et al. 2015, section 3.2",
    says="an nxn becomes a 1xn and an nx1",
    formula="49 x params(1x7, 7x1) / params(7x7)",
    counts=[name for pair in THIN.values() for name in pair],
    remark="14 where the width in between is that of input and output. A branch with fewer channels in between has less than 14.",
)
def fourteen(seen: Evidence) -> Sequence[Part]:
    """What rounds to 14."""
    return [
        counted(name, seen.count("params", *pair).through(lambda share: 49 * share, "of 49"), rounds_to(14, 1, "of 49"))
        for name, pair in THIN.items()
    ]


@claim(
    "no-diagonal",
    "no 'diagonal' entries possible",
    topic=TOPIC,
    place=SPATIAL,
    source="linear algebra: Eckart and Young 1936",
    says="a column after a row makes a kernel of rank one, and r of them one of rank r",
    formula="energy of a diagonal as long as the filter is wide that the best r columns-after-rows leave",
    counts=[FULL, SPLIT],
    pictures=("ranks",),
    remark="A single pair of thin filters cannot make a diagonal, and leaves most of it. With as many channels in between as the"
    " diagonal is long, the sum of the pairs is the diagonal itself.",
)
def no_diagonal(seen: Evidence) -> Sequence[Part]:
    """Something is left: with one channel in between, and with as many as the block has."""
    side, whole, thin = seen.value("receptive_field", FULL), seen.value("params", FULL), seen.value("params", SPLIT)
    gone = next((span for span in (side, whole, thin) if span.value is None), None)
    if gone is not None or not (side.value and whole.value and thin.value):
        return [counted("one channel in between", gone or missing("there is no filter"), more_than(0, SHARE))]
    across = round(side.value)
    channels = math.sqrt(whole.value / across**2)
    between = round(thin.value / (2 * across * channels))
    left = {rank: exact(round(sums.rank_error(np.eye(across), rank), 12), SHARE) for rank in {1, between}}
    names = {1: "one channel in between", between: f"{between} channels in between, as the block has"}
    return [counted(name, left[rank], more_than(0, SHARE)) for rank, name in names.items()]


@claim(
    "not-parallel",
    "successive layers can't be run in parallel",
    topic=TOPIC,
    place=SPATIAL,
    source="none is named",
    says="nothing",
    formula="(time(1x7, 7x1) / time(7x7)) / (MACs(1x7, 7x1) / MACs(7x7)): 1 where time falls as the work does",
    counts=[FULL, SPLIT],
    times=[FULL, SPLIT],
    remark="The second filter waits for the first: two launches, and a map written and read between them. This drawback is held"
    " to show where the sequence takes a twentieth more time than its share of the work.",
)
def not_parallel(seen: Evidence) -> Sequence[Part]:
    """More time is taken than is due to the work."""
    work, time = seen.count("macs", SPLIT, FULL), seen.time(SPLIT, FULL)
    factor = work.value
    part = work if factor is None else time.through(lambda times: times / factor)
    return [
        counted("work of 1x7 and 7x1 over 7x7", work),
        measured("time of 1x7 and 7x1 over 7x7", time),
        measured("the sequence's time over its share of the work", part, more_than(1 + SAME)),
    ]


@claim(
    "eight-to-nine",
    "fewer add-mul operations (8-9 times less than conventional convolution)",
    topic=TOPIC,
    place=DEPTHWISE,
    source="Howard et al. 2017, section 3.1",
    says="8 to 9 times less computation with 3x3 filters",
    formula="MACs(3x3) / MACs(3x3 depthwise, 1x1) = 1 / (1/N + 1/9)",
    groups=["depthwise", "mobilenet"],
    remark="By the formula eight needs 72 output channels, and nine is never reached. MobileNet's first layers have fewer.",
)
def eight_to_nine(seen: Evidence) -> Sequence[Part]:
    """By the number of channels, and for the whole network."""
    return [*seen.stated("depthwise", "macs"), *seen.stated("mobilenet", "macs")]


@claim(
    "eight-to-nine-time",
    "8-9 times less [time] than conventional convolution",
    topic=TOPIC,
    place=DEPTHWISE,
    source="Howard et al. 2017",
    says="nothing of time",
    formula="time(3x3) / time(3x3 depthwise, 1x1), at least 8",
    times=[
        *(name for width in WIDTHS for name in (f"block/full-3x3-{width}", f"block/separable-{width}")),
        FULL_CONV,
        MOBILENET,
    ],
    remark="A depthwise convolution uses each value nine times and a dense one nine times for every channel: where it waits for"
    " memory, time falls less than the work.",
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
    remark="The paper's table is of multiplications. Of time, batch norm and ReLU count as no convolution: PyTorch runs them"
    " one by one, and an engine that fuses them into the layers divides its time otherwise.",
)
def in_pointwise(seen: Evidence) -> Sequence[Part]:
    """Of multiplications, and of time."""
    band = rounds_to(0.95, 0.01, SHARE)
    return [
        demonstrated("1x1 convolutions, of the MACs", seen.shown("kinds", MOBILENET, "macs 1x1", SHARE), band),
        measured("1x1 convolutions, of the time", seen.shown("kinds", MOBILENET, "time 1x1", SHARE), band),
        measured("depthwise convolutions, of the time", seen.shown("kinds", MOBILENET, "time depthwise", SHARE)),
        measured("what is no convolution, of the time", seen.shown("kinds", MOBILENET, "time other", SHARE)),
    ]


@claim(
    "pointwise-optimised",
    "1x1 convolutions are highly optimized",
    topic=TOPIC,
    place=DEPTHWISE,
    source="Howard et al. 2017, section 3.2",
    says="general matrix multiplication is one of the most optimised numerical algorithms",
    formula="(MACs/time of the 1x1) / (MACs/time of the 3x3), both 512 channels at 14x14; and of each kind of layer the share"
    " that 2 MACs/time is of this machine's peak",
    counts=list(BUSY.values()),
    times=list(BUSY.values()),
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
        *(measured(f"{kind}, share of the peak", _achieved(seen, name)) for kind, name in BUSY.items()),
    ]


@claim(
    "matrix-product",
    "[1x1 convolutions are] an instance of general matrix multiplication (GMM)",
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
        demonstrated("difference of convolution and product", seen.shown("product", CONVOLUTION, "difference"), at_most(1e-5)),
        measured("time of the product over the convolution", seen.time(PRODUCT, CONVOLUTION)),
    ]


def _achieved(seen: Evidence, name: str) -> Span:
    work, peak = seen.value("macs", name), seen.value("peak_flops", name)
    macs, most = work.value, peak.value
    if macs is None or most is None:
        return missing(f"{name} has no count, or this machine no ceiling")
    return seen.over(lambda seconds: 2 * macs / seconds / most, name, unit=SHARE)
