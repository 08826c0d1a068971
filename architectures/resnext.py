"""ResNeXt: ResNet's bottleneck with its 3x3 in many narrow groups; wider for the same cost.

The number of groups (cardinality) C and their width d are chosen so that the MACs stay about those of ResNet (Table 2), whose own
row is 1x64d: `resnet/50` and `resnet/101`. The paper calls the cost preserved; at 50 layers 8x14d takes 4.4 % more than 1x64d.
Table 4 doubles the cost of ResNet-101 in three ways: deeper (`resnet/200`), wider (`resnet/101-w100`), and with more or wider
groups.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vbench import Accuracy, architecture

from ._blocks import bottleneck
from ._papers import RESNEXT as PAPER
from ._published import ONE_CROP, paper, torchvision_v1, torchvision_v2
from ._trunks import RESIDUAL_WEIGHTS, residual_net

if TYPE_CHECKING:
    from torch import nn

BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}  # Table 1: the number of blocks in each stage
TABLE_3, TABLE_4 = "Xie et al. 2016, Table 3", "Xie et al. 2016, Table 4"


def _net(depth: int, cardinality: int, group_width: int, classes: int = 1000) -> nn.Sequential:
    """Build the network with `cardinality` groups of `group_width` channels in stage 1, for inputs `(batch, 3, 224, 224)`."""

    def body(cin: int, cout: int, stride: int) -> nn.Sequential:
        # The group width is that of the first stage, which emits 256 channels; it doubles with them from stage to stage.
        return bottleneck(cin, cout, stride, mid=cout * group_width // 256 * cardinality, groups=cardinality)

    return residual_net(body, BLOCKS[depth], expansion=4, classes=classes)


NETS: dict[tuple[int, int, int], tuple[int, int, tuple[Accuracy, ...]]] = {
    # layers, cardinality, group width: parameters, MACs, accuracies
    (50, 2, 40): (25_425_000, 4_124_508_160, (paper(TABLE_3, top1=77.0),)),
    (50, 4, 24): (25_292_968, 4_159_832_064, (paper(TABLE_3, top1=77.4),)),
    (50, 8, 14): (25_603_016, 4_267_409_408, (paper(TABLE_3, top1=77.7),)),
    (50, 32, 4): (
        25_028_904,
        4_230_479_872,
        (torchvision_v1(77.618, 93.698), paper(TABLE_3, top1=77.8), torchvision_v2(81.198, 95.34)),
    ),
    (101, 2, 40): (44_456_296, 7_843_553_280, (paper(TABLE_3, top1=78.3),)),
    (101, 4, 24): (44_363_432, 7_885_701_120, (paper(TABLE_3, top1=78.6),)),
    (101, 8, 14): (45_104_328, 8_076_871_680, (paper(TABLE_3, top1=78.7),)),
    (101, 32, 4): (44_177_704, 7_969_996_800, (paper(TABLE_3, top1=78.8),)),
    (101, 32, 8): (88_791_336, 16_414_015_488, (torchvision_v1(79.312, 94.526), torchvision_v2(82.834, 96.228))),
    (101, 2, 64): (84_198_184, 15_123_087_360, (paper(TABLE_4, top1=79.3, top5=94.5),)),
    (101, 64, 4): (
        83_455_272,
        15_460_270_080,
        (
            paper(TABLE_4, top1=79.6, top5=94.7),
            Accuracy(
                # torchvision's first weights of this network, and nevertheless by its newer way of training.
                source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
                protocol=f"{ONE_CROP}, resize 232",
                recipe="torchvision, pull request 5935",
                top1=83.246,
                top5=96.454,
            ),
        ),
    ),
}

DEVIATIONS = {(101, 32, 8): "not in the paper: torchvision's own choice, twice as wide as 101-32x4d"}

for _form, (_params, _macs, _accuracy) in NETS.items():
    architecture(
        "resnext/{}-{}x{}d".format(*_form),
        input=(3, 224, 224),
        topic="grouped",
        paper=PAPER,
        params=_params,
        macs=_macs,
        accuracy=_accuracy,
        deviation=DEVIATIONS.get(_form, ""),
        weights=RESIDUAL_WEIGHTS,
    )(partial(_net, *_form))


@architecture(
    "resnet/101-w100",
    input=(3, 224, 224),
    topic="grouped",
    paper=PAPER,
    params=85_611_336,
    macs=15_272_862_720,
    accuracy=[paper(TABLE_4, top1=78.7, top5=94.3)],
    weights=RESIDUAL_WEIGHTS,
)
def wider(classes: int = 1000) -> nn.Module:
    """Build ResNet-101 with bottlenecks 100 channels wide instead of 64, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(101, 1, 100, classes)
