"""Xception: nothing but depthwise separable convolutions in residual blocks, the Inception module taken to its end.

The 1x1 follows the 3x3 per channel with no activation in between, and one batch norm stands behind both: a ReLU in the middle
made the paper's network worse.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from vbench import Accuracy, Paper, Preprocess, architecture

from ._blocks import Residual, conv_norm, pooled_head
from ._published import timm

PAPER = Paper(
    title="Xception: Deep Learning with Depthwise Separable Convolutions",
    authors="Chollet",
    year=2016,
    link="https://arxiv.org/abs/1610.02357",
)

ENTRY = (128, 256, 728)  # Figure 5: channels of the blocks that halve the map
MIDDLE = 8  # blocks of three convolutions at 728 channels
EXIT = (1536, 2048)
HALF = (0.5, 0.5, 0.5)


def _separable(cin: int, cout: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False), nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout)
    )


def _block(cin: int, *widths: int, relu: bool = True, halve: bool = False) -> Residual:
    """A residual block of Figure 5. Its first ReLU makes a copy, since the shortcut takes the input as it was."""
    body = nn.Sequential(nn.ReLU()) if relu else nn.Sequential()
    before = cin
    for index, width in enumerate(widths):
        if index:
            body.append(nn.ReLU(inplace=True))
        body.append(_separable(before, width))
        before = width
    if not halve:
        return Residual(body, relu=False)
    body.append(nn.MaxPool2d(3, 2, 1))
    return Residual(body, conv_norm(cin, before, 1, stride=2, relu=False), relu=False)


@architecture(
    "xception/original",
    input=(3, 299, 299),
    topic="separable",
    paper=PAPER,
    params=22_855_952,
    macs=8_357_403_496,
    accuracy=[
        timm("legacy_xception.tf_in1k", 79.058, 94.396, "1 model, 1 crop, 299 px, resize 333"),
        Accuracy(
            source="Keras Applications, ImageNet-1k val", protocol="1 model, 1 crop, 299 px", recipe="Keras", top1=79.0, top5=94.5
        ),
    ],
    preprocess=Preprocess(resize=333 / 299, interpolation="bicubic", mean=HALF, std=HALF),
)
def xception(classes: int = 1000) -> nn.Module:
    """Build Xception, for inputs of shape `(batch, 3, 299, 299)`."""
    net: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=conv_norm(3, 32, 3, stride=2, padding=0), conv2=conv_norm(32, 64, 3, padding=0)
    )
    cin = 64
    for index, width in enumerate(ENTRY):
        # The first block follows a ReLU already.
        net[f"entry{index + 1}"] = _block(cin, width, width, relu=index > 0, halve=True)
        cin = width
    for index in range(MIDDLE):
        net[f"middle{index + 1}"] = _block(cin, cin, cin, cin)
    net["exit"] = _block(cin, cin, 1024, halve=True)
    cin = 1024
    for index, width in enumerate(EXIT):
        net[f"last{index + 1}"] = nn.Sequential(_separable(cin, width), nn.ReLU(inplace=True))
        cin = width
    net["head"] = pooled_head(cin, classes)
    return nn.Sequential(net)
