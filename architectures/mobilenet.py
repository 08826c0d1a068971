"""MobileNet v1: a 3x3 per channel, then a 1x1 across channels, in place of a full convolution.

`full-conv` is the paper's own counterpart (Table 4): the same layers with the pair replaced by one full 3x3 convolution.
The paper's Table 1 prints stride 2 for the last depthwise layer, but the map sizes beside it only fit stride 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from vbench import Accuracy, Paper, architecture

from ._blocks import conv_norm, pooled_head

if TYPE_CHECKING:
    from collections.abc import Callable

PAPER = Paper(
    title="MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
    authors="Howard, Zhu, Chen, Kalenichenko, Wang, Weyand, Andreetto, Adam",
    year=2017,
    link="https://arxiv.org/abs/1704.04861",
)

LAYERS = (  # Table 1: output channels and stride of each layer after the first
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)),
    *((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
    *((1024, 2), (1024, 1)),
)


def _separable(cin: int, cout: int, stride: int) -> nn.Sequential:
    return nn.Sequential(conv_norm(cin, cin, 3, stride=stride, groups=cin), conv_norm(cin, cout, 1))


def _full(cin: int, cout: int, stride: int) -> nn.Sequential:
    return conv_norm(cin, cout, 3, stride=stride)


def _net(layer: Callable[[int, int, int], nn.Module], classes: int, width: float = 1.0) -> nn.Sequential:
    cin = int(32 * width)
    layers: list[nn.Module] = [conv_norm(3, cin, 3, stride=2)]
    for channels, stride in LAYERS:
        cout = int(channels * width)
        layers.append(layer(cin, cout, stride))
        cin = cout
    return nn.Sequential(*layers, pooled_head(cin, classes))


@architecture(
    "mobilenet/v1-1.0",
    input=(3, 224, 224),
    topic="separable",
    paper=PAPER,
    params=4_231_976,
    macs=568_740_352,
    accuracy=[
        Accuracy(source="Howard et al. 2017, Table 4", protocol="1 model, 1 crop, 224 px", recipe="paper", top1=70.6),
        Accuracy(
            source="TF-Slim checkpoint MobileNet_v1_1.0_224",
            protocol="1 model, central 87.5 % squashed to 224 px",
            recipe="TF-Slim",
            top1=70.9,
            top5=89.9,
        ),
    ],
)
def v1(classes: int = 1000) -> nn.Module:
    """Build MobileNet v1 at full width, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(_separable, classes)


@architecture(
    "mobilenet/full-conv",
    input=(3, 224, 224),
    topic="separable",
    paper=PAPER,
    params=29_294_088,
    macs=4_867_293_184,
    accuracy=[Accuracy(source="Howard et al. 2017, Table 4", protocol="1 model, 1 crop, 224 px", recipe="paper", top1=71.7)],
)
def full_conv(classes: int = 1000) -> nn.Module:
    """Build the paper's counterpart with full convolutions, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(_full, classes)
