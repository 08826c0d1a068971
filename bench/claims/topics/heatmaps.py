"""Keypoints from heat maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import sums
from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated, measured
from ..spans import SHARE, Span, about, at_least, at_most, exact, less_than, more_than, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "keypoints"
PLACE, SECOND = "Heatmap-based 2D pose estimation", "Heatmap-based 2D pose estimation II"
MAPS, CONNECTED, POOLED = "pose/simple-baseline-50", "pose/deeppose-alexnet", "pose/regression-resnet50"
SIZED = (MAPS, "pose/hrnet-w32", "pose/openpose-coco")
TARGET = "pose/decode-peaks"
ONE, FOUR = (f"pipeline/two-stage-{persons}" for persons in (1, 4))
BOTTOM_UP = "pose/higher-hrnet-w32"
SCALES = f"{MAPS}@multiscale:0.5+1"
MANY_SCALES = f"{MAPS}@multiscale:0.5+1+1.5+2"
HARD = "pose/decode-argmax"
# Where the error is tried: every twentieth of a cell, so that half a cell is met to that.
STEP = 1 / 20


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
    remark="A bell of height one sums to two pi sigma squared, and to that for every person whose bell is on the map. Held"
    " against: more than one, as every target that is wide enough to learn from has it.",
)
def not_a_probability(seen: Evidence) -> Sequence[Part]:
    """More than one."""
    return [
        *(
            counted(f"sum of one person's bell, sigma {sigma}", exact(float(sums.bell(64, (32, 32), sigma).sum())), more_than(1))
            for sigma in (1, 2, 3)
        ),
        demonstrated("sum of the catalogue's target of four people", seen.shown("target", TARGET, "sum"), more_than(1)),
    ]


@claim(
    "fewer-than-mlp",
    "less parameters than fully connected ones (MLPs)",
    topic=TOPIC,
    place=PLACE,
    source="none is named",
    says="nothing",
    formula="params behind the trunk, of the network with maps / of the networks with vectors: linear layers there, and here all"
    " that it has more than the trunk of its regression twin",
    counts=[MAPS, CONNECTED, POOLED],
    shows=[("depth", CONNECTED), ("depth", POOLED)],
    remark="DeepPose's wide hidden layers read every pixel of the last map. Regression after averaging has one small layer, and"
    " the upsampling that makes maps of a coarse one has weights too.",
)
def fewer(seen: Evidence) -> Sequence[Part]:
    """Than either form of regression, by the heads alone."""
    connected, pooled = (_linear(seen, name) for name in (CONNECTED, POOLED))
    whole, twin = seen.value("params", MAPS), seen.value("params", POOLED)
    maps = next((span for span in (whole, twin, pooled) if not span.known), whole)
    if whole.value is not None and twin.value is not None and pooled.value is not None:
        maps = exact(whole.value - (twin.value - pooled.value))
    return [
        counted("the head over DeepPose's fully-connected layers", ratio(maps, connected), less_than(1)),
        counted("the head over one linear layer after averaging", ratio(maps, pooled), less_than(1)),
        counted("the whole network over DeepPose", seen.count("params", MAPS, CONNECTED)),
        counted("the whole network over its twin that averages", seen.count("params", MAPS, POOLED)),
    ]


def _linear(seen: Evidence, name: str) -> Span:
    """The parameters of a network's linear layers."""
    share, whole = seen.shown("depth", name, "linear_share"), seen.value("params", name)
    if share.value is None or whole.value is None:
        return share if share.value is None else whole
    return exact(share.value * whole.value)


@claim(
    "any-resolution",
    "applies to arbitrary image resolution and aspect ratio (can be different from training)",
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
        *(
            demonstrated(f"sizes that {name} takes", seen.shown("sizes", name, "share", SHARE), at_least(1, SHARE))
            for name in SIZED
        ),
        demonstrated(
            f"sizes that {CONNECTED} takes, fully connected behind an adaptive pooling",
            seen.shown("sizes", CONNECTED, "share", SHARE),
        ),
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
    remark="Invariance is held to mean that the maps move with the picture (equivariance), to a hundredth. Strides look at"
    " every so many pixels, so a move by less than the largest of them meets others. On a whole picture the border differs too.",
)
def translation(seen: Evidence) -> Sequence[Part]:
    """The same answer, elsewhere, to a hundredth."""
    moves = {"moves by the stride of the coarsest map": "coarsest", "moves by the stride of the heat map": "own"}
    return [demonstrated(name, seen.shown("moved", MAPS, key, SHARE), at_most(0.01, SHARE)) for name, key in moves.items()]


def _crossing(one: float, each: float, once: float) -> float:
    """How many persons cost as much as a pass that finds all of them, from what the first and each further one take."""
    return 1 + (once - one) / each


def _crossings(seen: Evidence) -> tuple[Span, Span]:
    """Where two stages and one pass cost the same, in MACs and in time; a further person is another run of the pose network."""
    one, four, once = (seen.value("macs", name) for name in (ONE, FOUR, BOTTOM_UP))
    work: Span = next((span for span in (one, four, once) if not span.known), one)
    if one.value is not None and four.value is not None and once.value is not None:
        work = exact(_crossing(one.value, (four.value - one.value) / 3, once.value), "persons")
    return work, seen.over(_crossing, ONE, MAPS, BOTTOM_UP, unit="persons")


@claim(
    "multiple-persons",
    "Generalizes to multiple and arbitrary number of persons",
    topic=TOPIC,
    place=PLACE,
    source="Cao et al. 2017; Cheng et al. 2019",
    says="one pass finds the joints of all persons, whatever their number",
    formula="peaks that a map of four people's joint holds, against the one place that a vector or an arg-max gives; and the"
    " number of persons from which one pass is cheaper than a detector and a pose network for each",
    counts=[ONE, FOUR, BOTTOM_UP],
    times=[ONE, MAPS, BOTTOM_UP],
    shows=[("target", TARGET)],
    pictures=("people",),
    remark="A map has room for as many peaks as do not melt into one another. Which joints belong together it does not say: that"
    " takes part affinity fields, or tags.",
)
def multiple(seen: Evidence) -> Sequence[Part]:
    """More than one person on a map."""
    shown, pixels = seen.shown("target", TARGET, "sum"), seen.series("target", TARGET, "map")
    found = exact(float(len(sums.peaks(pixels))), "persons") if pixels else shown
    work, time = _crossings(seen)
    return [
        demonstrated("persons on one map", found, more_than(1, "persons")),
        counted("persons from which one pass takes fewer MACs", work),
        measured("persons from which one pass takes less time", time),
    ]


@claim(
    "two-stage",
    "Two-stage pipelines are alleviating this [large image scale variations, at a cost for each person]",
    topic=TOPIC,
    place=SECOND,
    source="Xiao et al. 2018; Cheng et al. 2019",
    says="nothing of the cost per person",
    formula="persons N at which detector + N x pose network costs what one pass for everybody costs; in MACs and in time",
    counts=[ONE, FOUR, BOTTOM_UP],
    times=[ONE, MAPS, BOTTOM_UP],
    remark="Below that number of persons two stages are cheaper, above it the single pass is. Held against: more than one, so"
    " that there are pictures for which two stages are the cheaper ones. What they gain in accuracy is not measured here.",
)
def two_stage(seen: Evidence) -> Sequence[Part]:
    """Where the lines cross."""
    work, time = _crossings(seen)
    more = more_than(1, "persons")
    return [counted("persons at equal MACs", work, more), measured("persons at equal time", time, more)]


@claim(
    "not-differentiable",
    "Not end-to-end differentiable (pose extraction requires arg-max function)",
    topic=TOPIC,
    place=SECOND,
    source="Sun et al. 2018, introduction",
    says="taking the maximum is not differentiable and prevents training from being end-to-end",
    formula="largest gradient of the decoded place by a value of the map",
    shows=[("decoded", HARD)],
    remark="The place of a maximum does not move until another cell wins, so there is nothing to hand on.",
)
def not_differentiable(seen: Evidence) -> Sequence[Part]:
    """No gradient at all."""
    return [demonstrated("gradient of the arg-max", seen.shown("decoded", HARD, "gradient"), at_most(0))]


@claim(
    "no-sub-pixel",
    "No sub-pixel accuracy",
    topic=TOPIC,
    place=SECOND,
    source="Sun et al. 2018, introduction",
    says="a map coarser than the picture causes inevitable quantisation errors",
    formula="largest error, in cells of the map, over places between two cells; half a cell where the answer is a cell",
    shows=[("decoded", HARD)],
    remark="The arg-max names a cell. Moved by a quarter of a cell towards the higher neighbour, as Hourglass's authors do, it"
    " names a quarter of one.",
)
def no_sub_pixel(seen: Evidence) -> Sequence[Part]:
    """Of the arg-max itself, and of the one that is used."""
    half = at_least(0.5 - STEP, "cells")
    return [
        demonstrated("the plain arg-max", seen.shown("decoded", HARD, "plain error", "cells"), half),
        demonstrated("the arg-max with the quarter offset", seen.shown("decoded", HARD, "error", "cells"), half),
    ]


@claim(
    "multi-scale",
    "multi-scale approaches can overcome this at the cost of execution time",
    topic=TOPIC,
    place=SECOND,
    source="none is named",
    says="average over runs on re-scaled input",
    formula="cost at the scales / at one, held against the sum of their squares to 2 %; time, against more than one",
    counts=[MAPS, SCALES, MANY_SCALES],
    times=[MAPS, SCALES],
    remark="Work grows with the area of all that is read. What is gained in accuracy is not measured here.",
)
def multi_scale(seen: Evidence) -> Sequence[Part]:
    """As the sum of the squares, and more time than one run."""
    few, many = sums.area((0.5, 1)), sums.area((0.5, 1, 1.5, 2))
    return [
        counted("MACs at scales 0.5 and 1 over 1", seen.count("macs", SCALES, MAPS), about(few, 0.02)),
        counted("MACs at scales 0.5, 1, 1.5 and 2 over 1", seen.count("macs", MANY_SCALES, MAPS), about(many, 0.02)),
        measured("time at scales 0.5 and 1 over 1", seen.time(SCALES, MAPS), more_than(1)),
    ]
