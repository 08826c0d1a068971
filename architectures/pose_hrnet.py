"""HRNet: a quarter of the picture's resolution is kept from beginning to end, and coarser ones work beside it.

Where other networks go down and up again, resolutions are added one by one, and exchange what they have after every four blocks.
Only the finest map is read in the end. `w32` and `w48` name its channels; each halving doubles them.

`w32-argmax` goes on to the joints: the highest cell of each map, and a quarter towards its higher neighbour. The authors' tables
divide by 2^30: they print 7.1 where 7.645 billion products are made.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import NamedTuple

from torch import nn

from vbench import Accuracy, Paper, architecture

from ._decoding import Decoder, arg_max
from ._pose import AUTHORS, FILLED, MMPOSE, HighResolution, coco, mpii

PAPER = Paper(
    title="Deep High-Resolution Representation Learning for Human Pose Estimation",
    authors="Sun, Xiao, Liu, Wang",
    year=2019,
    link="https://arxiv.org/abs/1902.09212",
)

README = "leoxiaobin/deep-high-resolution-net.pytorch README"
TOP_DOWN = "mmpose configs/body_2d_keypoint/topdown_heatmap"


class Variant(NamedTuple):
    """One width and its facts."""

    params: int
    macs: int
    accuracy: list[Accuracy]


VARIANTS = {
    32: Variant(
        28_536_113,
        7_645_003_776,
        [
            coco(74.4, "256x192", README, AUTHORS),
            coco(75.8, "384x288", README, AUTHORS),
            mpii(90.3, "256x256", README, AUTHORS),
            coco(74.9, "256x192", f"{TOP_DOWN}/coco", MMPOSE),
            coco(76.1, "384x288", f"{TOP_DOWN}/coco", MMPOSE),
            mpii(90.0, "256x256", f"{TOP_DOWN}/mpii", MMPOSE),
        ],
    ),
    48: Variant(
        63_595_745,
        15_691_825_152,
        [
            coco(75.1, "256x192", README, AUTHORS),
            coco(76.3, "384x288", README, AUTHORS),
            coco(75.6, "256x192", f"{TOP_DOWN}/coco", MMPOSE),
            coco(76.7, "384x288", f"{TOP_DOWN}/coco", MMPOSE),
            mpii(90.1, "256x256", f"{TOP_DOWN}/mpii", MMPOSE),
        ],
    ),
}


def _net(width: int, classes: int = 17) -> nn.Sequential:
    """Build the network for inputs of shape `(batch, 3, 256, 192)`; it emits `(batch, classes, 64, 48)`."""
    return nn.Sequential(OrderedDict(trunk=HighResolution(width), head=nn.Conv2d(width, classes, 1)))


register = partial(architecture, input=(3, 256, 192), topic="keypoints", task="keypoints", paper=PAPER, preprocess=FILLED)

for _width, (_params, _macs, _accuracy) in VARIANTS.items():
    register(f"pose/hrnet-w{_width}", params=_params, macs=_macs, accuracy=_accuracy)(partial(_net, _width))


@register("pose/hrnet-w32-argmax", params=VARIANTS[32].params, macs=VARIANTS[32].macs)
def decoded(classes: int = 17) -> nn.Sequential:
    """Build the network of 32 channels with its decoder: it emits `(batch, classes, 3)`, in cells of the maps."""
    return _net(32, classes).append(Decoder(arg_max))
