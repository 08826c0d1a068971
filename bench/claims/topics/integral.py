"""Keypoints as the integral over a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import sums
from ..entry import Part, claim, unable
from ..evidence import Evidence, counted, demonstrated, measured
from ..spans import LITTLE, SHARE, Band, at_most, exact, more_than, same

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "integral"
SECOND, THIRD = (f"Integral Regression-based 2D pose estimation {part}" for part in ("II", "III"))
SOFT, HARD = "pose/decode-soft-argmax", "pose/decode-argmax"
INTEGRAL, MAPS = "pose/integral-resnet50-2d", "pose/simple-baseline-50"
PRECISIONS = ("fp32", "bf16", "fp16")
# In cells: what the arg-max with its quarter offset reaches at best.
NEAR = 0.25
PEAKS, SIDE, SIGMA = (12, 50), 64, 2.0


@claim(
    "same-trunk",
    "Fully-convolutional CNN (as for heatmap classification)",
    topic=TOPIC,
    place=SECOND,
    source="Sun et al. 2018",
    says="the integral adds no parameters",
    formula="params(integral network) / params(heat map network), on one trunk",
    counts=[INTEGRAL, MAPS],
    remark="Reading the maps has no weights, so the same network serves. The same is held to mean: give or take a twentieth,"
    " since the two are published for different joints.",
)
def same_trunk(seen: Evidence) -> Sequence[Part]:
    """As large."""
    return [
        counted(f"{word} over the heat map network's", seen.count(column, INTEGRAL, MAPS), expected)
        for word, column, expected in (("parameters", "params", same()), ("MACs", "macs", None))
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
    remark="The mean place moves with every value of the map; a gradient that is there and finite is what training needs.",
)
def differentiable(seen: Evidence) -> Sequence[Part]:
    """There is a gradient, and it is a number."""
    return [
        demonstrated("gradient of the soft-argmax", seen.shown("decoded", SOFT, "gradient"), more_than(0)),
        demonstrated("gradient of the arg-max", seen.shown("decoded", HARD, "gradient")),
    ]


@claim(
    "stable",
    "soft-max is … stable … to compute",
    topic=TOPIC,
    place=SECOND,
    source="none is named",
    says="nothing",
    formula="error of a decoded place, in cells, for logits of a thousand, and in narrower precisions",
    shows=[("decoded", SOFT)],
    remark="Stable is held to mean: within a quarter of a cell of the joint. The largest value is subtracted before the"
    " exponential, so nothing overflows; how finely a coordinate can be written is up to the precision.",
)
def stable(seen: Evidence) -> Sequence[Part]:
    """A number, and the right one."""
    return [
        demonstrated(
            "error at logits of a thousand", seen.shown("decoded", SOFT, "error at 1000", "cells"), at_most(NEAR, "cells")
        ),
        *(
            demonstrated(f"error in {name}", seen.shown("decoded", SOFT, f"error in {name}", "cells"), at_most(NEAR, "cells"))
            for name in PRECISIONS
        ),
    ]


@claim(
    "efficient-soft-max",
    "soft-max is … efficient to compute",
    topic=TOPIC,
    place=SECOND,
    source="none is named",
    says="nothing",
    formula="time(soft-argmax) / time(arg-max); and its share of the time with the network that makes the maps",
    times=[SOFT, HARD, MAPS],
    remark="Efficient is held to mean: at most twice the time of the arg-max that it takes the place of, and at most a tenth of"
    " the time of network and soft-argmax together.",
)
def efficient(seen: Evidence) -> Sequence[Part]:
    """At most twice, and little beside the network."""
    share = seen.over(lambda soft, network: soft / (soft + network), SOFT, MAPS, unit=SHARE)
    return [
        measured("time of the soft-argmax over the arg-max", seen.time(SOFT, HARD), at_most(2)),
        measured("its share of the time with the network", share, at_most(LITTLE, SHARE)),
    ]


@claim(
    "low-resolution",
    "low-resolution heatmaps possible (sub-pixel accuracy through joint influence of pixels)",
    topic=TOPIC,
    place=SECOND,
    source="Sun et al. 2018, the experiments on resolution",
    says="integral regression loses less on small maps",
    formula="largest error of the decoded place on a picture of 256 px, in its pixels, by the side of the map; held against"
    " that of the arg-max on the largest map",
    shows=[("decoded", SOFT), ("decoded", HARD)],
    pictures=("sizes",),
    remark="A small map serves where its mean is as near to the joint as the arg-max of the large one. The maps are perfect:"
    " what a network that sees less can place is another matter.",
)
def low_resolution(seen: Evidence) -> Sequence[Part]:
    """On every map as exact as the arg-max on the largest."""
    soft, hard = (seen.curve("decoded", name, "sides", "by side") for name in (SOFT, HARD))
    if not soft or not hard:
        gone = next(name for name, found in ((SOFT, soft), (HARD, hard)) if not found)
        return [demonstrated("the mean", seen.shown("decoded", gone, "by side"), at_most(0))]
    best = hard[max(hard)]
    found = [
        demonstrated(f"error of the mean on {side:.0f} cells", exact(error, "px"), at_most(best, "px"))
        for side, error in soft.items()
    ]
    return found + [demonstrated(f"error of the arg-max on {side:.0f} cells", exact(e, "px")) for side, e in hard.items()]


@claim(
    "middle-of-two",
    "if there are two maxima, the predicted position will be in the middle of the two",
    topic=TOPIC,
    place=THIRD,
    source="Sun et al. 2017, arXiv version 1",
    says="of heat maps, and not of the integral, that they are sensitive to multiple modes; the published abstract leaves it out",
    formula="place read off a map of 64 cells with peaks at 12 and 50, the second as high or lower",
    pictures=("two",),
    shows=[("decoded", SOFT)],
    remark="The middle is held to mean: to a cell. Where one peak is lower, a soft-max with a large beta weighs it out; the plain"
    " mean of the map does not.",
)
def middle(seen: Evidence) -> Sequence[Part]:
    """In the middle, to a cell."""
    between = Band(sum(PEAKS) / 2 - 1, sum(PEAKS) / 2 + 1, "cells")
    places = {share: _mean(share) for share in (1.0, 0.8)}
    return [
        *(
            counted(f"plain mean of the map, second peak at {share:.0%}", exact(place, "cells"))
            for share, place in places.items()
        ),
        demonstrated("equal peaks, by soft-argmax", seen.shown("decoded", SOFT, "two equal", "cells"), between),
        demonstrated("a second peak of 80 %, by soft-argmax", seen.shown("decoded", SOFT, "two unequal", "cells"), between),
    ]


def _mean(share: float) -> float:
    both = np.maximum(*(sums.bell(SIDE, (x, SIDE / 2), SIGMA, h) for x, h in zip(PEAKS, (1.0, share), strict=True)))
    return sums.expectation(both)[0]


for _name, _sentence in {
    "projects-scales": "How to support multiple people, at different scales?",
    "projects-fields": "Part affinity fields have been successful, can we develop a differentiable model?",
    "projects-occlusion": "What about occluded joints? What about temporal information?",
    "projects-neck": "Is it possible to infer neck-centered human pose (not knowing the absolute position)?",
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
