"""Xception: nothing but depthwise separable convolutions in residual blocks, the Inception module taken to its end.

The 1x1 follows the 3x3 per channel with no activation in between, and one batch norm stands behind both: a ReLU in the middle
made the paper's network worse.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from vbench import Accuracy, Naming, Paper, Preprocess, architecture

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


NAMES = (  # timm's `legacy_xception`: a batch norm is a layer of its own behind the separable convolution
    *(("conv#.0", "conv{0}"), ("conv#.1", "bn{0}"), ("head.#", "fc")),
    *(("entry#", "block{0}"), ("middle#", "block{0+3}"), ("exit", "block12"), ("shortcut.0", "skip"), ("shortcut.1", "skipbn")),
    *(("last#.0.2", "bn{0+2}"), ("last#.0.0", "conv{0+2}.conv1"), ("last#.0.1", "conv{0+2}.pointwise")),
    *(("body.0.2", "rep.1"), ("body.2.2", "rep.4"), ("body.1.2", "rep.2"), ("body.3.2", "rep.5"), ("body.5.2", "rep.8")),
    *(("body.2.#", "rep.3.{0}"), ("body.3.#", "rep.4.{0}"), ("body.5.#", "rep.7.{0}"), ("body.#.#", "rep.{0}.{1}")),
    *(("rep.#.0", "rep.{0}.conv1"), ("rep.#.1", "rep.{0}.pointwise")),
)


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
    weights=[Naming(library="timm", rules=NAMES)],
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
