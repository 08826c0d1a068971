"""Dilated convolutions, ESPNet's fusion, and dilation in sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import sums
from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured
from ..spans import SHARE, Band, about, at_least, at_most, exact, less_than, more_than, no_more, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "dilated"
PLACE, SEQUENCE = "Dilated/Atrous Convolution and ESP Net", "Sequential application of dilated convolution"
RATES = (1, 2, 4, 8, 16)
TIMED = (4, 16)
SIDE, KERNEL = 33, 3  # the map of the blocks, and their filter
UNFUSED, FUSED = "block/esp-unfused", "block/esp-fused"
SHALLOW, DEEP, SMALL = "deeplabv3/block4-16", "deeplabv3/block6-16", "deeplabv3/block6-128"


def _block(rate: int) -> str:
    return f"block/dilated-3x3-r{rate}"


@claim(
    "extent",
    "the effective size of n × n dilated convolutional kernel with dilation rate r, is (n-1)r+1 x (n-1)r+1",
    topic=TOPIC,
    place=PLACE,
    source="Mehta et al. 2018, section 3",
    says="the same",
    formula="field of the block, and (3 - 1) r + 1",
    counts=[_block(rate) for rate in RATES],
    pictures=("dilation",),
    remark="By construction: the field is counted from the layers and not from the formula.",
)
def extent(seen: Evidence) -> Sequence[Part]:
    """The counted field, rate by rate."""
    found = []
    for rate in RATES:
        side = (KERNEL - 1) * rate + 1
        field = seen.value("receptive_field", _block(rate)).through(lambda px: px, "px")
        found.append(counted(f"rate {rate}", field, Band(side, side, "px")))
    return found


@claim(
    "no-more-parameters",
    "no increase in parameters",
    topic=TOPIC,
    place=PLACE,
    source="Mehta et al. 2018; Chen et al. 2017",
    says="the same",
    formula="params and MACs at rate r / at rate 1; taps that fall on a 33x33 map",
    counts=[_block(rate) for rate in RATES],
    groups=["dilation"],
    remark="Neither weights nor counted work. The larger the rate, the more taps fall on the padding, so that the filter shrinks"
    " to its middle.",
)
def no_more_parameters(seen: Evidence) -> Sequence[Part]:
    """As many as without holes."""
    wide = _block(RATES[-1])
    return [
        *seen.stated("dilation", "params"),
        counted(f"rate {RATES[-1]} over rate 1, MACs", seen.count("macs", wide, _block(1)), Band(1, 1)),
        *(counted(f"taps inside at rate {rate}", exact(sums.taps_inside(SIDE, KERNEL, rate), SHARE)) for rate in RATES),
    ]


@claim(
    "no-more-time",
    "no increase in [time]",
    topic=TOPIC,
    place=PLACE,
    source="none is named",
    says="nothing of time",
    formula="time at rate r / time at rate 1, at most a twentieth more",
    times=[_block(rate) for rate in (1, *TIMED)],
    remark="The same multiplications; libraries have faster algorithms for the dense filter than for one with holes, or leave"
    " out the taps that fall on padding.",
)
def no_more_time(seen: Evidence) -> Sequence[Part]:
    """No slower, give or take a twentieth."""
    return [measured(f"rate {rate} over rate 1", seen.time(_block(rate), _block(1)), no_more()) for rate in TIMED]


@claim(
    "checkerboard",
    "Problem: checkerboard patterns",
    topic=TOPIC,
    place=PLACE,
    source="Mehta et al. 2018, Figure 3; Yu et al. 2017",
    says="gridding artefacts",
    formula="share of the pixels in its field that a unit sees",
    pictures=("coverage",),
    shows=[("branches", UNFUSED)],
    remark="Filters of one rate r in sequence see every r-th pixel along each side, however many follow; those of rates without a"
    " common divisor can see all.",
)
def checkerboard(seen: Evidence) -> Sequence[Part]:
    """Not all pixels are seen."""
    gaps = less_than(1, SHARE)
    rows = {"rates 2, 2, 2": (2, 2, 2), "rate 16": (16,)}
    return [
        *(counted(name, exact(sums.covered(sums.seen(rates)), SHARE), gaps) for name, rates in rows.items()),
        demonstrated("the widest branch of an ESP unit", seen.shown("branches", UNFUSED, "widest", SHARE), gaps),
        counted("for comparison, rates 1, 2, 4", exact(sums.covered(sums.seen((1, 2, 4))), SHARE)),
    ]


@claim(
    "fusion",
    "Fix: Hierarchical feature fusion (HFF)",
    topic=TOPIC,
    place=PLACE,
    source="Mehta et al. 2018, section 3",
    says="adding before concatenation removes the artefact without more complexity",
    formula="share of its field that the widest branch sees: fused over unfused, and fused, held against all of it; params and"
    " time, fused over unfused",
    counts=[UNFUSED, FUSED],
    times=[UNFUSED, FUSED],
    shows=[("branches", UNFUSED), ("branches", FUSED)],
    pictures=("branches",),
    remark="What the narrower branches see is added, so that the holes around the middle are filled and those at the rim stay. It"
    " has no weights, and a few additions.",
)
def fusion(seen: Evidence) -> Sequence[Part]:
    """More is seen, up to everything; and nothing is counted."""
    unfused, fused = (seen.shown("branches", name, "widest", SHARE) for name in (UNFUSED, FUSED))
    return [
        demonstrated("seeing more: pixels seen, fused over unfused", ratio(fused, unfused, "times"), more_than(1, "times")),
        demonstrated("seeing all of the field, fused", fused, at_least(1, SHARE)),
        demonstrated("seen of the field, unfused", unfused),
        counted("no more parameters: fused over unfused", seen.count("params", FUSED, UNFUSED), at_most(1)),
        measured("time, fused over unfused", seen.time(FUSED, UNFUSED)),
    ]


@claim(
    "keeps-resolution",
    "maintains high resolution",
    topic=TOPIC,
    place=SEQUENCE,
    source="Chen et al. 2017, Figure 3",
    says="the output stride stays at 16; without dilation it doubles with each further block, up to 256",
    formula="stride of the coarsest map in ResNet with six blocks; MACs and values of all maps with dilation over without",
    counts=[DEEP, SMALL],
    shows=[("coarsest", DEEP), ("coarsest", SMALL)],
    remark="Every later layer works on the larger map: that, and not the filters, is what dilation costs.",
)
def resolution(seen: Evidence) -> Sequence[Part]:
    """As fine at the end as at the rate it begins with, and as many weights."""
    return [
        demonstrated("the coarsest stride with dilation", seen.shown("coarsest", DEEP, "stride", "px"), at_most(16, "px")),
        demonstrated("the coarsest stride without", seen.shown("coarsest", SMALL, "stride", "px")),
        counted("parameters with dilation over without", seen.count("params", DEEP, SMALL), at_most(1)),
        counted("MACs with dilation over without", seen.count("macs", DEEP, SMALL)),
        counted("values of all maps with dilation over without", seen.count("activations", DEEP, SMALL)),
    ]


@claim(
    "larger-field",
    "increases receptive field of subsequent layers",
    topic=TOPIC,
    place=SEQUENCE,
    source="Chen et al. 2017, Figure 3",
    says="the same",
    formula="field of six blocks with dilation / of four; and the same / of six with strides, held to a tenth",
    counts=[SHALLOW, DEEP, SMALL],
    remark="The strides that dilation takes the place of would have made the field as large, on a map that shrinks.",
)
def larger_field(seen: Evidence) -> Sequence[Part]:
    """It grows, and to what strides give, give or take a tenth."""
    return [
        counted("six dilated blocks over four", seen.count("receptive_field", DEEP, SHALLOW), more_than(1)),
        counted("six dilated blocks over six with strides", seen.count("receptive_field", DEEP, SMALL), about(1, 0.1)),
    ]
