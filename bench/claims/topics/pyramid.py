"""Spatial pyramid pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..entry import Part, claim
from ..evidence import Evidence, counted, demonstrated
from ..spans import SHARE, at_least

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPIC = "pyramid"
PLACE = "Spatial pyramid pooling"
NETWORKS = ("sppnet/6321-max", "sppnet/4321-average")
FLAT = "sppnet/none"
BLOCKS = ("block/spp-6321", "block/spp-flatten")


@claim(
    "any-size",
    "applies to arbitrary image dimensions",
    topic=TOPIC,
    place=PLACE,
    source="He et al. 2014, section 2",
    says="a fixed-length output whatever the size of the input",
    formula="share of five odd sizes that the network takes",
    shows=[("sizes", name) for name in (*NETWORKS, FLAT)],
    counts=BLOCKS,
    remark="Without a pyramid only those sizes pass whose last map happens to have the size that the first linear layer was"
    " made for. The bins are as many at every size, and the layer behind them pays for each.",
)
def any_size(seen: Evidence) -> Sequence[Part]:
    """All five."""
    return [
        *(
            demonstrated(f"sizes that {name} takes", seen.shown("sizes", name, "share", SHARE), at_least(1, SHARE))
            for name in NETWORKS
        ),
        demonstrated(f"sizes that {FLAT} takes, without a pyramid", seen.shown("sizes", FLAT, "share", SHARE)),
        counted("parameters of the layer behind, pyramid over flattening", seen.count("params", *BLOCKS)),
    ]
