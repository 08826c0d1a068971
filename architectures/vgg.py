"""VGG: nothing but 3x3 convolutions, stacked; a stack of two sees 5x5 for fewer weights than one 5x5.

Nine tenths of the weights are in the linear head and nearly all of the work is in the convolutions.
"""

from __future__ import annotations

from torch import nn

from vbench import Accuracy, Paper, architecture

from ._blocks import conv_relu, wide_head

PAPER = Paper(
    title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
    authors="Simonyan, Zisserman",
    year=2014,
    link="https://arxiv.org/abs/1409.1556",
)

WIDTHS = (64, 128, 256, 512, 512)
DEPTHS = {16: (2, 2, 3, 3, 3)}  # Table 1, column D: convolutions per stage, each stage ending in a 2x2 max pooling


def _net(depth: int, classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    cin = 3
    for width, count in zip(WIDTHS, DEPTHS[depth], strict=True):
        for _ in range(count):
            layers.append(conv_relu(cin, width, 3))
            cin = width
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers, wide_head(cin, 7, classes))


@architecture(
    "vgg/16",
    input=(3, 224, 224),
    topic="baseline",
    paper=PAPER,
    params=138_357_544,
    macs=15_470_264_320,
    accuracy=[
        Accuracy(
            source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="torchvision V1",
            top1=71.592,
            top5=90.382,
        ),
        Accuracy(
            source="Simonyan and Zisserman 2014, Table 3, row D",
            protocol="1 model, dense, scale 256",
            recipe="paper, trained at scale 256",
            top1=73.0,
            top5=91.2,
        ),
        Accuracy(
            source="Simonyan and Zisserman 2014, Table 3, row D",
            protocol="1 model, dense, scale 384",
            recipe="paper, trained at scale 384",
            top1=73.2,
            top5=91.3,
        ),
        Accuracy(
            source="Simonyan and Zisserman 2014, Table 3, row D",
            protocol="1 model, dense, scale 384",
            recipe="paper, trained at scales 256 to 512",
            top1=74.4,
            top5=91.9,
        ),
    ],
)
def vgg16(classes: int = 1000) -> nn.Module:
    """Build configuration D, 16 layers with weights, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(16, classes)
