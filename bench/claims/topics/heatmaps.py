"""Keypoints from heat maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import sums
from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured
from ..spans import SHARE, Span, about, at_least, at_most, exact

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "keypoints"
PLACE, SECOND = "Heatmap-based 2D pose estimation", "Heatmap-based 2D pose estimation II"
MAPS, CONNECTED, POOLED = "pose/simple-baseline-50", "pose/deeppose-alexnet", "pose/regression-resnet50"
SIZED = (MAPS, "pose/hrnet-w32", "pose/openpose-coco")
TARGET = "pose/decode-peaks"
ONE, TWO, FOUR = (f"pipeline/two-stage-{persons}" for persons in (1, 2, 4))
BOTTOM_UP = "pose/higher-hrnet-w32"
SCALES = f"{MAPS}@multiscale:0.5+1"
MANY_SCALES = f"{MAPS}@multiscale:0.5+1+1.5+2"
LOOPS = {"arg-max": "pose/decode-argmax", "peaks": "pose/decode-peaks", "people": "pose/decode-paf"}


@claim(
    "not-a-probability",
    "not a true probability as pixels don't sum to one",
    topic=TOPIC,
    place=PLACE,
    source="Tompson et al. 2015; Cao et al. 2017",
    says="the target is a Gaussian of height one",
    formula="sum of a target map",
    shows=[("target", TARGET)],
    pictures=("heatmap",),
    remark="A bell of height one sums to two pi sigma squared, and to that for every person whose bell is on the map.",
)
def not_a_probability(seen: Evidence) -> Sequence[Part]:
    """More or less than one."""
    return [
        *(
            counted(f"one person, sigma {sigma}", exact(float(sums.bell(64, (32, 32), sigma).sum())), at_least(1.01))
            for sigma in (1, 2, 3)
        ),
        demonstrated("the catalogue's target of four people", seen.shown("target", TARGET, "sum"), at_least(1.01)),
    ]


@claim(
    "fewer-than-mlp",
    "less parameters than fully connected ones (MLPs)",
    topic=TOPIC,
    place=PLACE,
    source="none is named",
    says="nothing",
    formula="params(network with maps) / params(network with vectors)",
    counts=[MAPS, CONNECTED, POOLED],
    remark="Against wide hidden layers that read every pixel of the last map, yes. Regression after averaging has one small"
    " layer, and the upsampling that makes the maps has more.",
)
def fewer(seen: Evidence) -> Sequence[Part]:
    """Than either form of regression."""
    return [
        counted("against fully-connected layers (DeepPose)", seen.count("params", MAPS, CONNECTED), at_most(1)),
        counted("against one linear layer after averaging", seen.count("params", MAPS, POOLED), at_most(1)),
    ]


@claim(
    "any-resolution",
    "applies to arbitrary image resolution and aspect ratio",
    topic=TOPIC,
    place=PLACE,
    source="none is named",
    says="nothing",
    formula="share of five odd sizes that the network takes",
    shows=[("sizes", name) for name in (*SIZED, CONNECTED)],
    remark="A network of convolutions takes what its strides divide: one that adds a map that was halved and doubled to one"
    " that was not needs sides that halve without a rest.",
)
def any_resolution(seen: Evidence) -> Sequence[Part]:
    """All five."""
    return [
        *(demonstrated(name, seen.shown("sizes", name, "share", SHARE), at_least(1, SHARE)) for name in SIZED),
        demonstrated(f"{CONNECTED}, fully connected behind an adaptive pooling", seen.shown("sizes", CONNECTED, "share", SHARE)),
    ]


@claim(
    "translation",
    "translation invariance",
    topic=TOPIC,
    place=PLACE,
    source="none is named",
    says="nothing",
    formula="largest difference of the moved answer and the answer to the moved input, over the largest answer",
    shows=[("moved", MAPS)],
    remark="The maps move with the picture (equivariance) where it moves by the stride of the coarsest map, and not by less:"
    " strides look at every so many pixels. On a whole picture the padding at the border differs too.",
)
def translation(seen: Evidence) -> Sequence[Part]:
    """The same answer, elsewhere, to a hundredth."""
    moves = {"by the coarsest stride": "coarsest", "by the map's own stride": "own"}
    return [demonstrated(name, seen.shown("moved", MAPS, key, SHARE), at_most(0.01, SHARE)) for name, key in moves.items()]


def _crossing(one: float, other: float, gap: int, once: float) -> float:
    """How many persons cost as much as a pass that finds all of them, from what the first and `gap` further ones take."""
    each = (other - one) / gap
    return 1 + (once - one) / each


@claim(
    "two-stage",
    "Two-stage pipelines are alleviating this; heatmaps generalize to multiple and arbitrary number of persons",
    topic=TOPIC,
    place=SECOND,
    source="Xiao et al. 2018; Cheng et al. 2019",
    says="nothing of the cost per person",
    formula="persons N at which detector + N x pose costs what one pass for everybody costs; in MACs and in time",
    counts=[ONE, FOUR, BOTTOM_UP],
    times=[ONE, TWO, BOTTOM_UP],
    remark="Below that number of persons two stages are cheaper, above it the single pass is. Held against: more than one, so"
    " that there are pictures for which two stages are the cheaper ones.",
)
def two_stage(seen: Evidence) -> Sequence[Part]:
    """Where the lines cross."""
    one, four, once = (seen.value("macs", name) for name in (ONE, FOUR, BOTTOM_UP))
    work: Span = next((span for span in (one, four, once) if not span.known), one)
    if one.value is not None and four.value is not None and once.value is not None:
        work = exact(_crossing(one.value, four.value, 3, once.value), "persons")
    time = seen.over(lambda a, b, c: _crossing(a, b, 1, c), ONE, TWO, BOTTOM_UP, unit="persons")
    return [counted("in MACs", work, at_least(1, "persons")), measured("in time", time, at_least(1, "persons"))]


@claim(
    "multi-scale",
    "multi-scale approaches can overcome this at the cost of execution time",
    topic=TOPIC,
    place=SECOND,
    source="none is named",
    says="average over runs on re-scaled input",
    formula="cost at the scales / at one; sum of their squares",
    counts=[MAPS, SCALES, MANY_SCALES],
    times=[MAPS, SCALES],
    remark="Work grows with the area of all that is read. Time needs not: a small scale keeps the processor less busy.",
)
def multi_scale(seen: Evidence) -> Sequence[Part]:
    """As the sum of the squares, of time at least."""
    few, many = sums.area((0.5, 1)), sums.area((0.5, 1, 1.5, 2))
    return [
        counted("MACs at 0.5 and 1", seen.count("macs", SCALES, MAPS), about(few, 0.02)),
        counted("MACs at 0.5, 1, 1.5 and 2", seen.count("macs", MANY_SCALES, MAPS), about(many, 0.02)),
        measured("time at 0.5 and 1", seen.time(SCALES, MAPS), at_least(1)),
    ]


@claim(
    "tensor-operations",
    "parallelization (tensor operations instead of for loop)",
    topic=TOPIC,
    place="Assignment I & II",
    source="none is named",
    says="nothing",
    formula="time of the loop / time in tensor operations, for the same answer",
    times=[name for base in LOOPS.values() for name in (base, f"{base}-looped")],
    remark="A loop in Python pays for every value; tensor operations pay for every value too, in one launch. Where a loop"
    " visits only what matters, the tensors that hold all that could matter may be slower.",
)
def tensors(seen: Evidence) -> Sequence[Part]:
    """Quicker, each of them."""
    return [measured(name, seen.time(f"{base}-looped", base), at_least(1)) for name, base in LOOPS.items()]
