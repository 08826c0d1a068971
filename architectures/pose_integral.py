"""Integral regression: the simple baseline's maps, read off by a soft-argmax inside of the network.

The coordinate of a joint is the average of all places, weighted by the softmax of its map: it has a gradient, so that the network
is trained on what it is asked for, and is finer than a cell of the map. Not a parameter is added (and one per map becomes idle:
softmax takes no notice of the last layer's bias where a joint has one map). `2d` emits x and y in cells of the map, each four
pixels of the picture wide. `3d` has 64 maps per joint, one for each depth, and emits x, y and z; a joint costs 64 times as much
in the last layer, and no more elsewhere.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import Accuracy, architecture

from ._blocks import SoftArgmax
from ._papers import INTEGRAL
from ._pose import FILLED, MMPOSE, coco, upsampled_trunk

DEPTHS = 64
MILLIMETRES = (
    "with the 18 joints of Human3.6M and MPII together, as in the authors' code. Their figure is an error, which has no place"
    " here: 86.5 mm on the ECCV 2018 challenge's validation set, 62.2 mm when MPII is added to the training"
)
CONFIGS = "mmpose configs/body_2d_keypoint/integral_regression/coco"
register = partial(architecture, input=(3, 256, 256), topic="keypoints", task="keypoints", paper=INTEGRAL, preprocess=FILLED)


def _accuracy(value: float, recipe: str) -> Accuracy:
    return coco(value, "256x256", CONFIGS, f"{MMPOSE}, {recipe}")


@register(
    "pose/integral-resnet50-2d",
    params=33_999_697,
    macs=7_235_174_400,
    accuracy=[_accuracy(63.3, "coordinates alone"), _accuracy(67.4, "maps regularised (DSNT)")],
    deviation="mmpose's network with COCO's 17 joints; the authors released the 3D one only",
)
def plane(classes: int = 17) -> nn.Module:
    """Build the network for inputs of shape `(batch, 3, 256, 256)`; it emits `(batch, classes, 2)`."""
    net = upsampled_trunk(50, classes)
    net["joints"] = SoftArgmax()
    return nn.Sequential(net)


@register("pose/integral-resnet50-3d", params=34_291_392, macs=8_425_308_160, deviation=MILLIMETRES)
def space(classes: int = 18) -> nn.Module:
    """Build the network for inputs of shape `(batch, 3, 256, 256)`; it emits `(batch, classes, 3)`."""
    net = upsampled_trunk(50, classes * DEPTHS)
    net["depths"] = nn.Unflatten(1, (classes, DEPTHS))
    net["joints"] = SoftArgmax()
    return nn.Sequential(net)
