"""ResNeXt: ResNet's bottleneck with its 3x3 in many narrow groups; wider for the same cost.

The number of groups (cardinality) C and their width d are chosen so that the MACs stay those of ResNet-50: Table 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbench import Accuracy, Paper, architecture

from ._blocks import bottleneck
from ._trunks import residual_net

if TYPE_CHECKING:
    from torch import nn

PAPER = Paper(
    title="Aggregated Residual Transformations for Deep Neural Networks",
    authors="Xie, Girshick, Dollár, Tu, He",
    year=2016,
    link="https://arxiv.org/abs/1611.05431",
)

BLOCKS = {50: (3, 4, 6, 3)}  # Table 1: the number of blocks in each stage


def _net(depth: int, cardinality: int, group_width: int, classes: int) -> nn.Sequential:
    def body(cin: int, cout: int, stride: int) -> nn.Sequential:
        # The group width is that of the first stage, which emits 256 channels; it doubles with them from stage to stage.
        return bottleneck(cin, cout, stride, mid=cout * group_width // 256 * cardinality, groups=cardinality)

    return residual_net(body, BLOCKS[depth], expansion=4, classes=classes)


@architecture(
    "resnext/50-32x4d",
    input=(3, 224, 224),
    topic="grouped",
    paper=PAPER,
    params=25_028_904,
    macs=4_230_479_872,
    accuracy=[
        Accuracy(
            source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="torchvision V1",
            top1=77.618,
            top5=93.698,
        ),
        Accuracy(source="Xie et al. 2016, Table 3", protocol="1 model, 1 crop, 224 px", recipe="paper", top1=77.8),
        Accuracy(
            source="torchvision weights IMAGENET1K_V2, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px, resize 232",
            recipe="torchvision V2",
            top1=81.198,
            top5=95.34,
        ),
    ],
)
def resnext50(classes: int = 1000) -> nn.Module:
    """Build ResNeXt-50 (32x4d) for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(50, cardinality=32, group_width=4, classes=classes)
