"""DenseNet: every layer reads what all layers before it wrote, and adds only a few channels of its own.

These are the DenseNet-BC of Table 1: a 1x1 before each 3x3, and half of the channels dropped between the dense blocks.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from vbench import Accuracy, Naming, Paper, architecture

from ._blocks import Concat, conv_norm, norm_conv, norm_relu, pooled_head
from ._published import TEN_CROPS, paper, ported

PAPER = Paper(
    title="Densely Connected Convolutional Networks",
    authors="Huang, Liu, van der Maaten, Weinberger",
    year=2016,
    link="https://arxiv.org/abs/1608.06993",
)
TABLE_3 = "Huang et al. 2016, Table 3"

# Table 1: channels that each layer adds (the growth rate), and layers in each dense block.
NETS = {
    121: (32, (6, 12, 24, 16)),
    169: (32, (6, 12, 32, 32)),
    201: (32, (6, 12, 48, 32)),
    161: (48, (6, 12, 36, 24)),
}
FACTS: dict[int, tuple[int, int, tuple[Accuracy, ...]]] = {  # parameters, MACs, accuracies
    121: (
        7_978_856,
        2_834_161_664,
        (
            ported("LuaTorch", 74.434, 91.972),
            paper(TABLE_3, top1=74.98, top5=92.29),
            paper(TABLE_3, TEN_CROPS, top1=76.39, top5=93.34),
        ),
    ),
    169: (
        14_149_480,
        3_359_843_328,
        (
            ported("LuaTorch", 75.6, 92.806),
            paper(TABLE_3, top1=76.2, top5=93.15),
            paper(TABLE_3, TEN_CROPS, top1=77.92, top5=94.08),
        ),
    ),
    201: (
        20_013_928,
        4_291_365_888,
        (
            ported("LuaTorch", 76.896, 93.37),
            paper(TABLE_3, top1=77.42, top5=93.66),
            paper(TABLE_3, TEN_CROPS, top1=78.54, top5=94.46),
        ),
    ),
    161: (
        28_681_000,
        7_727_907_072,
        (
            ported("LuaTorch", 77.138, 93.56),
            paper("liuzhuang13/DenseNet README, ImageNet-1k val", recipe="authors' release", top1=77.8),
        ),
    ),
}


NAMES = (
    *(("stem.0", "features.conv0"), ("stem.1", "features.norm0"), ("norm.0", "features.norm5"), ("head.#", "classifier")),
    *(("transition#.0.0", "features.transition{0}.norm"), ("transition#.0.2", "features.transition{0}.conv")),
    ("dense#.#.new", "features.denseblock{0}.denselayer{1+1}"),
    *(("0.0$", "norm1"), ("0.2$", "conv1"), ("1.0$", "norm2"), ("1.2$", "conv2")),
)
WEIGHTS = (
    Naming(library="torchvision or timm", rules=NAMES),
    # The files that torchvision serves are of 2017, and have another point in these names.
    Naming(
        library="torchvision (files of 2017)",
        rules=(
            *NAMES,
            ("*.norm#$", "{0}.norm.{1}"),
            ("*.conv#$", "{0}.conv.{1}"),
            ("features.norm.#", "features.norm{0}"),
            ("features.conv.#", "features.conv{0}"),
        ),
    ),
)


def _layer(cin: int, growth: int) -> Concat:
    """Add `growth` channels to the input: a 1x1 to four times as many, a 3x3 to them, and the input stacked in front."""
    return Concat(old=nn.Identity(), new=nn.Sequential(norm_conv(cin, 4 * growth, 1), norm_conv(4 * growth, growth, 3)))


def _net(depth: int, classes: int = 1000) -> nn.Sequential:
    """Stack dense blocks, with transitions between them, for inputs of shape `(batch, 3, 224, 224)`."""
    growth, blocks = NETS[depth]
    cin = 2 * growth
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, cin, 7, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    for index, layers in enumerate(blocks):
        if index:
            net[f"transition{index}"] = nn.Sequential(norm_conv(cin, cin // 2, 1), nn.AvgPool2d(2))
            cin //= 2
        net[f"dense{index + 1}"] = nn.Sequential(*(_layer(cin + done * growth, growth) for done in range(layers)))
        cin += layers * growth
    net["norm"] = norm_relu(cin)
    net["head"] = pooled_head(cin, classes)
    return nn.Sequential(net)


for _depth, (_params, _macs, _accuracy) in FACTS.items():
    architecture(
        f"densenet/{_depth}",
        input=(3, 224, 224),
        topic="dense",
        paper=PAPER,
        params=_params,
        macs=_macs,
        accuracy=_accuracy,
        weights=WEIGHTS,
    )(partial(_net, _depth))
