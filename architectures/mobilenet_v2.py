"""MobileNet v2: the residual block turned inside out, wide where it works and narrow where it passes information on.

A narrow map has no channel to spare, so the 1x1 that makes it has no activation (the "linear bottleneck").
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from vbench import Naming, Paper, architecture

from ._blocks import conv_norm, pooled_head
from ._modules import inverted_residual
from ._published import paper, torchvision_v1, torchvision_v2

PAPER = Paper(
    title="MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    authors="Sandler, Howard, Zhu, Zhmoginov, Chen",
    year=2018,
    link="https://arxiv.org/abs/1801.04381",
)

BLOCKS = (  # Table 2: expansion, channels, how many, stride of the first
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
STEM, LAST = 32, 1280


NAMES = (
    *(("stem", "features.0"), ("last", "features.18"), ("head.#", "classifier.1"), ("stage#.#", "features.{n+1}.conv")),
    # The last convolution of a block and its batch norm are layers of the block itself there.
    *(("body", ""), ("conv.2.0", "conv.2"), ("conv.2.1", "conv.3"), ("^features.1.conv.1.1", "features.1.conv.2")),
    ("^features.1.conv.1.0", "features.1.conv.1"),
)
TIMM_NAMES = (
    *(("stem.0", "conv_stem"), ("stem.1", "bn1"), ("last.0", "conv_head"), ("last.1", "bn2"), ("head.#", "classifier")),
    # The first block has nothing to widen, and so a layer less.
    *(("stage1.0.0.0", "blocks.0.0.conv_dw"), ("stage1.0.0.1", "blocks.0.0.bn1")),
    *(("stage1.0.1.0", "blocks.0.0.conv_pw"), ("stage1.0.1.1", "blocks.0.0.bn2")),
    *(("body", ""), ("stage#.#.#.1", "blocks.{0-1}.{1}.bn{2+1}"), ("stage#.#.0.0", "blocks.{0-1}.{1}.conv_pw")),
    *(("stage#.#.1.0", "blocks.{0-1}.{1}.conv_dw"), ("stage#.#.2.0", "blocks.{0-1}.{1}.conv_pwl")),
)


@architecture(
    "mobilenet/v2",
    input=(3, 224, 224),
    topic="separable",
    paper=PAPER,
    params=3_504_872,
    macs=300_774_272,
    accuracy=[
        torchvision_v1(71.878, 90.286),
        torchvision_v2(72.154, 90.822),
        paper("Sandler et al. 2018, Table 4", top1=72.0),
    ],
    weights=[Naming(library="torchvision", rules=NAMES), Naming(library="timm", rules=TIMM_NAMES)],
)
def v2(classes: int = 1000) -> nn.Module:
    """Build MobileNet v2 at full width, for inputs of shape `(batch, 3, 224, 224)`."""
    conv = partial(conv_norm, activation=nn.ReLU6)
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv(3, STEM, 3, stride=2))
    cin = STEM
    for index, (expansion, cout, count, stride) in enumerate(BLOCKS):
        stage = nn.Sequential()
        for block in range(count):
            stage.append(inverted_residual(conv, cin, cout, 3, 1 if block else stride, expanded=expansion * cin))
            cin = cout
        net[f"stage{index + 1}"] = stage
    net["last"] = conv(cin, LAST, 1)
    net["head"] = pooled_head(LAST, classes, dropout=0.2)
    return nn.Sequential(net)
