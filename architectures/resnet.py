"""ResNet: layers learn what to add to their input, so that depth no longer hurts.

18 layers use pairs of 3x3 convolutions; from 50 on, a bottleneck keeps the 3x3 affordable. Both share the trunk of Table 1.
"""

from __future__ import annotations

from torch import nn

from vbench import Accuracy, Paper, architecture

from ._blocks import bottleneck, conv_norm
from ._trunks import residual_net

PAPER = Paper(
    title="Deep Residual Learning for Image Recognition",
    authors="He, Zhang, Ren, Sun",
    year=2015,
    link="https://arxiv.org/abs/1512.03385",
)

# Table 1: the number of blocks in each stage.
BASIC = {18: (2, 2, 2, 2)}
BOTTLENECK = {50: (3, 4, 6, 3)}


def _basic(cin: int, cout: int, stride: int) -> nn.Sequential:
    return nn.Sequential(conv_norm(cin, cout, 3, stride=stride), conv_norm(cout, cout, 3, relu=False))


@architecture(
    "resnet/18",
    input=(3, 224, 224),
    topic="residual",
    paper=PAPER,
    params=11_689_512,
    macs=1_814_073_344,
    accuracy=[
        Accuracy(
            source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="torchvision V1",
            top1=69.758,
            top5=89.078,
        ),
        Accuracy(
            source="fb.resnet.torch, pretrained models, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="fb.resnet.torch",
            top1=69.57,
            top5=89.24,
        ),
    ],
    deviation="projection shortcuts where the shape changes (option B), as in every published set of weights; the paper's own"
    " 18-layer row pads with zeros (option A), so its accuracy does not apply",
)
def resnet18(classes: int = 1000) -> nn.Module:
    """Build ResNet-18 with option B shortcuts for inputs of shape `(batch, 3, 224, 224)`."""
    return residual_net(_basic, BASIC[18], expansion=1, classes=classes)


@architecture(
    "resnet/50",
    input=(3, 224, 224),
    topic="residual",
    paper=PAPER,
    params=25_557_032,
    macs=4_089_184_256,
    accuracy=[
        Accuracy(
            source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="torchvision V1",
            top1=76.130,
            top5=92.862,
        ),
        Accuracy(
            source="torchvision weights IMAGENET1K_V2, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px, resize 232",
            recipe="torchvision V2",
            top1=80.858,
            top5=95.434,
        ),
        Accuracy(
            source="He et al. 2015, Table 3 (stride in the 1x1)",
            protocol="1 model, 10 crops",
            recipe="paper",
            top1=77.15,
            top5=93.29,
        ),
        Accuracy(
            source="He et al. 2015, Table 4 (stride in the 1x1)",
            protocol="1 model, dense, multi-scale",
            recipe="paper",
            top1=79.26,
            top5=94.75,
        ),
    ],
    deviation="stride 2 in the 3x3 of a stage's first block, as in torchvision; the authors' code has it in the first 1x1, which"
    " costs 3,857,973,248 MACs with the same weights",
)
def resnet50(classes: int = 1000) -> nn.Module:
    """Build ResNet-50 with option B shortcuts for inputs of shape `(batch, 3, 224, 224)`."""
    return residual_net(bottleneck, BOTTLENECK[50], expansion=4, classes=classes)
