"""Keypoints as the integral over a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import sums
from ..entry import Part, claim, unable
from ..evidence import Evidence, counted, demonstrated, measured
from ..spans import Band, about, at_least, at_most, exact, more_than

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "integral"
FIRST, SECOND, THIRD = (f"Integral Regression-based 2D pose estimation {part}".strip() for part in ("", "II", "III"))
SOFT, HARD = "pose/decode-soft-argmax", "pose/decode-argmax"
SIDES = (64, 32, 16, 8)
PRECISIONS = ("fp32", "bf16", "fp16")
# In cells: a joint is decoded well where it is nearer to its place than half a cell's half.
NEAR = 0.25
PEAKS, SIDE, SIGMA = (12, 50), 64, 2.0


@claim(
    "no-sub-pixel",
    "(arg-max:) no sub-pixel accuracy",
    topic=TOPIC,
    place="Heatmap-based 2D pose estimation II",
    source="Sun et al. 2018",
    says="the arg-max quantises",
    formula="largest error, in cells, over places between two cells",
    shows=[("decoded", HARD)],
    remark="The plain arg-max errs by up to half a cell. Moved by a quarter towards the higher neighbour, as Hourglass does,"
    " it errs by up to half of that, which is less than a pixel of the map.",
)
def no_sub_pixel(seen: Evidence) -> Sequence[Part]:
    """Of the arg-max itself, and of the one that is used."""
    error = at_least(0.4)
    return [
        demonstrated("plain arg-max", seen.shown("decoded", HARD, "plain error"), error),
        demonstrated("with the quarter offset", seen.shown("decoded", HARD, "error"), error),
    ]


@claim(
    "differentiable",
    "soft-max is differentiable",
    topic=TOPIC,
    place=SECOND,
    source="Sun et al. 2018",
    says="the same",
    formula="largest gradient of a coordinate by a value of the map",
    shows=[("decoded", SOFT), ("decoded", HARD)],
    remark="The arg-max hands no gradient on: its place does not move until another cell wins.",
)
def differentiable(seen: Evidence) -> Sequence[Part]:
    """There is a gradient, and it is a number."""
    return [
        demonstrated("soft-argmax", seen.shown("decoded", SOFT, "gradient"), more_than(0)),
        demonstrated("arg-max", seen.shown("decoded", HARD, "gradient")),
    ]


@claim(
    "stable",
    "soft-max is stable to compute",
    topic=TOPIC,
    place=SECOND,
    source="none is named",
    says="nothing",
    formula="error of a decoded place, in cells, for logits of a thousand, and in narrower precisions",
    shows=[("decoded", SOFT)],
    remark="Since the largest value is subtracted first. The sum of places is another matter: narrow precisions cannot write"
    " a coordinate to a fraction of a cell.",
)
def stable(seen: Evidence) -> Sequence[Part]:
    """A number, and the right one."""
    return [
        demonstrated("logits of a thousand", seen.shown("decoded", SOFT, "error at 1000"), at_most(NEAR)),
        *(demonstrated(name, seen.shown("decoded", SOFT, f"error in {name}"), at_most(NEAR)) for name in PRECISIONS),
    ]


@claim(
    "efficient-soft-max",
    "soft-max is efficient to compute",
    topic=TOPIC,
    place=SECOND,
    source="none is named",
    says="nothing",
    formula="time(soft-argmax) / time(arg-max)",
    times=[SOFT, HARD],
    remark="Efficient is held to mean: at most twice the arg-max. Either is little beside the network that made the maps.",
)
def efficient(seen: Evidence) -> Sequence[Part]:
    """At most twice."""
    return [measured("soft-argmax over arg-max", seen.time(SOFT, HARD), at_most(2))]


@claim(
    "low-resolution",
    "low-resolution heatmaps possible (sub-pixel accuracy through joint influence of pixels)",
    topic=TOPIC,
    place=SECOND,
    source="Sun et al. 2018, section 4",
    says="integral regression loses less on small maps",
    formula="largest error of the decoded place on a picture of 256 px, in its pixels, by the side of the map",
    shows=[("decoded", SOFT), ("decoded", HARD)],
    pictures=("sizes",),
    remark="The mean's error stays small where the arg-max's grows with the cell. It is that of a perfect map: what a network"
    " that sees less can place is another matter.",
)
def low_resolution(seen: Evidence) -> Sequence[Part]:
    """At every side less than half of the arg-max's error."""
    soft, hard = seen.series("decoded", SOFT, "by side"), seen.series("decoded", HARD, "by side")
    if not soft or not hard:
        return [demonstrated("soft-argmax", seen.shown("decoded", SOFT, "by side"), at_most(0.5))]
    found = []
    for side, mean, best in zip(SIDES, soft, hard, strict=True):
        found.append(demonstrated(f"{side} cells: mean over arg-max", exact(mean / best), at_most(0.5)))
        found.append(demonstrated(f"{side} cells: mean", exact(mean, "px")))
    return found


@claim(
    "middle-of-two",
    "if there are two maxima, the predicted position will be in the middle of the two",
    topic=TOPIC,
    place=THIRD,
    source="Sun et al. 2017, arXiv version 1",
    says="sensitivity to multiple modes",
    formula="mean place of a map with peaks at 12 and 50, the second lower by a share",
    pictures=("two",),
    shows=[("decoded", SOFT)],
    remark="Of two equal peaks exactly. Where one is lower, a soft-max with a large beta weighs it out; the plain mean of the"
    " map does not.",
)
def middle(seen: Evidence) -> Sequence[Part]:
    """In the middle, to a cell."""
    between = Band(sum(PEAKS) / 2 - 1, sum(PEAKS) / 2 + 1)
    places = {share: _mean(share) for share in (1.0, 0.8)}
    return [
        *(counted(f"mean of the map, second peak at {share:.0%}", exact(place)) for share, place in places.items()),
        demonstrated("soft-argmax, equal peaks", seen.shown("decoded", SOFT, "two equal"), between),
        demonstrated("soft-argmax, second peak at 80%", seen.shown("decoded", SOFT, "two unequal"), between),
    ]


def _mean(share: float) -> float:
    both = np.maximum(*(sums.bell(SIDE, (x, SIDE / 2), SIGMA, h) for x, h in zip(PEAKS, (1.0, share), strict=True)))
    return sums.expectation(both)[0]


@claim(
    "same-trunk",
    "Fully-convolutional CNN (as for heatmap classification)",
    topic=TOPIC,
    place=SECOND,
    source="Sun et al. 2018",
    says="the integral adds no parameters",
    formula="params and MACs of the integral network over the one whose maps it reads",
    counts=["pose/integral-resnet50-2d", "pose/simple-baseline-50"],
    remark="Reading the maps has no weights, so the same network serves.",
)
def same_trunk(seen: Evidence) -> Sequence[Part]:
    """As large, give or take a twentieth for other joints."""
    pair = ("pose/integral-resnet50-2d", "pose/simple-baseline-50")
    return [counted("params", seen.count("params", *pair), about(1, 0.05))]


for _name, _sentence in {
    "projects-scales": "How to support multiple people, at different scales?",
    "projects-fields": "Part affinity fields: can we develop a differentiable model?",
    "projects-occlusion": "What about occluded joints? What about temporal information?",
    "projects-neck": "Is it possible to infer neck-centered human pose?",
}.items():
    unable(
        _name,
        _sentence,
        topic=TOPIC,
        place=THIRD,
        source="an open question of the lecture",
        says="nothing",
        why="A course project without a stated method has nothing to count or to time.",
    )
