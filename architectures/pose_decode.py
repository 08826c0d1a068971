"""Decoders: from the maps of a pose network to joints and people, measured alone. They have no weights and no products.

A name without more is the vectorised form, whose shapes and time do not depend on what the maps show; `-looped` is plain Python
over the values, which leaves the device. `argmax` and `soft-argmax` read one joint off each map of a crop, and random maps cost
them as much as real ones. `peaks` and `paf` would find a peak at every ninth cell of random maps, so they hold the perfect maps
of four people, to which a fiftieth of the input is added: below the threshold of a peak, and enough that no two inputs have the
same answer. That addition is in their time. `paf-optimal` has the best of all ways to pair the ends of a limb in place of the
greedy one. What the same decoders cost behind a network stands with the network.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from vbench import Paper, architecture

from . import _decoding, _grouping, _targets
from ._papers import INTEGRAL, OPENPOSE

if TYPE_CHECKING:
    from collections.abc import Callable

    Decode = Callable[[torch.Tensor], torch.Tensor]

HOURGLASS = Paper(
    title="Stacked Hourglass Networks for Human Pose Estimation",
    authors="Newell, Yang, Deng",
    year=2016,
    link="https://arxiv.org/abs/1603.06937",
)

CROP = (17, 64, 48)
PICTURE = (57, 46, 46)  # 18 joints and the background, then x and y of 19 limbs
JOINTS = len(_targets.COCO.joints)
PEOPLE, MOST = 4, 20
SIGMA = 1.0  # in cells of the map: 7 px of the picture, as OpenPose trains, are 0.9
INPUT = 0.02
MAP = "decodes the map as it is; the authors' code enlarges it eight times before it looks for peaks"


class Oracle(nn.Module):
    """Add a little of the input to what a perfect network would emit."""

    def __init__(self, maps: torch.Tensor) -> None:
        super().__init__()
        self.maps: torch.Tensor
        self.register_buffer("maps", maps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape `(batch, maps, height, width)`."""
        return self.maps + INPUT * x


def _picture() -> torch.Tensor:
    """Draw what OpenPose would emit at its best for a picture of four people, in its order."""
    people = _targets.crowd(PEOPLE, *PICTURE[1:])
    heat = _targets.heat_maps(people, *PICTURE[1:], SIGMA)
    fields = _targets.affinity_fields(people, _targets.COCO.limbs, *PICTURE[1:], reach=1.0)
    return torch.cat([heat, 1 - heat.amax(0, keepdim=True), fields])


def _peaks_looped(maps: torch.Tensor) -> torch.Tensor:
    """Find the peaks of each map in turn, and fill up to as many as the vectorised form has room for."""
    missing = [(0.0, 0.0, 0.0)]
    images = [[_decoding.peaks_looped(grid)[:MOST] for grid in image] for image in maps.tolist()]
    return maps.new_tensor([[found + missing * (MOST - len(found)) for found in image] for image in images])


class Variant(NamedTuple):
    """One decoder: what it calls, on what it works, and where it is from."""

    decode: Decode
    input: tuple[int, ...]
    paper: Paper
    oracle: bool = False
    deviation: str = ""


GROUPED = partial(_grouping.in_one, skeleton=_targets.COCO, most=MOST)
ON_JOINTS = (JOINTS, *PICTURE[1:])
VARIANTS = {
    "argmax": Variant(_decoding.arg_max, CROP, HOURGLASS),
    "argmax-looped": Variant(_decoding.arg_max_looped, CROP, HOURGLASS),
    # On the noise that it is measured with, any temperature costs the same.
    "soft-argmax": Variant(partial(_decoding.soft_argmax, beta=15.0), CROP, INTEGRAL),
    "peaks": Variant(partial(_decoding.peaks, most=MOST), ON_JOINTS, OPENPOSE, oracle=True, deviation=MAP),
    "peaks-looped": Variant(_peaks_looped, ON_JOINTS, OPENPOSE, oracle=True, deviation=MAP),
    "paf": Variant(partial(GROUPED, group=_grouping.people), PICTURE, OPENPOSE, oracle=True, deviation=MAP),
    "paf-looped": Variant(partial(GROUPED, group=_grouping.people_looped), PICTURE, OPENPOSE, oracle=True, deviation=MAP),
    "paf-optimal": Variant(
        partial(GROUPED, group=partial(_grouping.people_looped, match=_grouping.optimal)),
        PICTURE,
        OPENPOSE,
        oracle=True,
        deviation=f"pairs the ends of a limb by the largest sum, where the authors' code takes the best pair first; {MAP}",
    ),
}


def _decoder(variant: Variant, classes: int = JOINTS) -> nn.Sequential:  # noqa: ARG001 - every builder takes it
    """Build a decoder; it reads as many maps as it is given, so `classes` changes nothing."""
    oracle = [Oracle(_picture()[: variant.input[0]])] if variant.oracle else []
    return nn.Sequential(*oracle, _decoding.Decoder(variant.decode))


for _name, _variant in VARIANTS.items():
    architecture(
        f"pose/decode-{_name}",
        input=_variant.input,
        topic="keypoints",
        paper=_variant.paper,
        params=0,
        macs=0,
        task="decoding",
        deviation=_variant.deviation,
    )(partial(_decoder, _variant))
