"""DeepPose: a picture of a person in, coordinates out; the joints are numbers that linear layers compute from everything.

`deeppose-alexnet` is the first stage of the paper's cascade: AlexNet's trunk and its wide layers, which hold 94 % of the weights.
`regression-*` is the same idea as it is trained today: ResNet, the average of each map, one linear layer, for the price of a
classification. All emit x and y of each joint, relative to the person's box.

The networks of Tompson et al. (2014, 2015), which have a map for each joint, are left out, since no list of their layers could be
established: no code of the authors was found, and those who built the first one again say that the input that is printed does not
give the maps that are, so that they had to guess.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import Accuracy, architecture

from ._blocks import pooled_head, wide_head
from ._papers import DEEPPOSE
from ._pose import FILLED, MMPOSE, bottleneck_trunk, coco, mpii
from ._trunks import alexnet_convolutions

WIDTHS = (96, 256, 384, 384, 256)  # filters of the five convolutions, as the paper lists them


@architecture(
    "pose/deeppose-alexnet",
    input=(3, 220, 220),
    topic="keypoints",
    task="keypoints",
    paper=DEEPPOSE,
    params=58_396_060,
    macs=1_131_274_784,
    preprocess=FILLED,
    deviation="the first stage of the cascade alone, with the 14 joints of Leeds Sports. No copy of the paper could be read: the"
    " widths and the 220 px are quoted from others, and that the first convolution is padded by 4 follows from the 55 px of its"
    " map. The paper is said to speak of about 40 M parameters, which these layers do not have, in groups or not",
)
def alexnet(classes: int = 14) -> nn.Module:
    """Build the regressor for inputs of shape `(batch, 3, 220, 220)`; it emits `(batch, classes, 2)`."""
    head = wide_head(WIDTHS[-1], 6, 2 * classes)
    return nn.Sequential(*alexnet_convolutions(WIDTHS, padding=4), head, nn.Unflatten(1, (classes, 2)))


TOP_DOWN = "mmpose configs/body_2d_keypoint/topdown_regression"
RESNET: dict[int, tuple[int, int, list[Accuracy]]] = {  # layers: parameters, MACs, accuracies
    depth: (params, macs, [coco(ap, "256x192", f"{TOP_DOWN}/coco", MMPOSE), mpii(pckh, "256x256", f"{TOP_DOWN}/mpii", MMPOSE)])
    for depth, params, macs, ap, pckh in (
        (50, 23_577_698, 4_003_794_944, 54.1, 82.6),
        (101, 42_569_826, 7_640_256_512, 56.2, 84.1),
        (152, 58_213_474, 11_276_718_080, 58.4, 85.0),
    )
}


def _regression(depth: int, classes: int = 17) -> nn.Sequential:
    """Build the network for inputs of shape `(batch, 3, 256, 192)`; it emits `(batch, classes, 2)`."""
    net = bottleneck_trunk(depth)
    net["head"] = pooled_head(2048, 2 * classes)
    net["joints"] = nn.Unflatten(1, (classes, 2))
    return nn.Sequential(net)


for _depth, (_params, _macs, _accuracy) in RESNET.items():
    architecture(
        f"pose/regression-resnet{_depth}",
        input=(3, 256, 192),
        topic="keypoints",
        task="keypoints",
        paper=DEEPPOSE,
        params=_params,
        macs=_macs,
        accuracy=_accuracy,
        preprocess=FILLED,
        deviation="ResNet in place of AlexNet, and no cascade: what mmpose trains under the paper's name",
    )(partial(_regression, _depth))
